// What a verb has going, and its end: a cancel takes at most two seconds, whatever the engine does.
import { AppError } from '../contract/errors.ts';
import type { Engine } from './engine-process.ts';
import type { ProgressDisplay } from './progress-display.ts';

export interface RunningVerb {
  engine?: Engine;
  display?: ProgressDisplay;
  hasPrinted?: true;
  /** The job that it began. */
  run?: string;
}

/** Time for a cancelled run to end in order, more than a worker gets (engine/children.ts). */
const cancelGraceMs = 1600;
/** Time for an engine that took longer, before it is ended. */
const lateCloseMs = 150;

/** `work`, or CANCELLED when it has not ended within the grace time after an abort; the engine has ended then. */
export async function endingInTime<T>(work: Promise<T>, signal: AbortSignal, running: RunningVerb): Promise<T> {
  const given = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  let closeMs: number | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => {
      closeMs = lateCloseMs;
      given.reject(cancelledLate(running.run));
    }, cancelGraceMs);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, given.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    await running.engine?.close(closeMs);
  }
}

function cancelledLate(run: string | undefined): AppError {
  if (run === undefined) return new AppError('CANCELLED', 'Cancelled.');
  const message = `Cancelled. The engine did not let go in time and was ended; snug resume ${run} goes on behind what was finished.`;
  return new AppError('CANCELLED', message, { run });
}
