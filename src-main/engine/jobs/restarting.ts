// A child that was ended by something else than its own work is started again, once for each duty, and the job says so.
import { AppError } from '../../contract/errors.ts';
import type { Children } from '../children.ts';

/** `children` whose duties survive one crash. `tell` is told what happened. */
export function restarting(
  children: Pick<Children, 'llama' | 'worker'>,
  tell: (warning: string) => void,
): Pick<Children, 'llama' | 'worker'> {
  const twice = async <T>(signal: AbortSignal, duty: () => Promise<T>): Promise<T> => {
    try {
      return await duty();
    } catch (error) {
      const failure = AppError.from(error);
      if (signal.aborted || !wasEndedFromOutside(failure)) throw error;
      tell(`A part of the work was done again: ${failure.message}`);
      return duty();
    }
  };
  return {
    llama: (signal, duty) => twice(signal, () => children.llama(signal, duty)),
    worker: (signal, task) => twice(signal, () => children.worker(signal, task)),
  };
}

/**
 * The system's memory killer, a user, another program. A llama host that ends by itself meant its file, and would do so
 * again; a worker has no reason to.
 */
const wasEndedFromOutside = ({ code, details }: AppError): boolean =>
  code === 'WORKER_CRASHED' || (code === 'LLAMA_CRASHED' && /SIGKILL|SIGTERM/.test(String(details['reason'])));
