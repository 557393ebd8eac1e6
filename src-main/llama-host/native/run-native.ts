// Runs one native call at a time with progress and cancel: llama.cpp's log is shared by the process, and two graphs at
// once would fight for the same cores.
import type { HandlerContext } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { LlamaAddon, NativeControl } from './addon-types.ts';
import { openEngine } from './engine.ts';
import { nativeError } from './native-error.ts';

export interface NativeCall<T> {
  /** How the progress reads for people. */
  stage: string;
  unit: NonNullable<Progress['unit']>;
  /** For error details: the files at work. */
  details: Record<string, unknown>;
  run: (addon: LlamaAddon, control: NativeControl) => Promise<T>;
}

/** What a call needs of its handler's context; methods without progress have none to tell. */
export interface CallContext {
  signal: AbortSignal;
  progress?: HandlerContext<Progress>['progress'];
}

let last: Promise<void> = Promise.resolve();

/** @throws CANCELLED at once when the signal fires while the call waits, after a piece of 128 tokens when it runs. */
export async function runNative<T>(context: CallContext, call: NativeCall<T>): Promise<T> {
  const before = last;
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  last = before.then(() => done);
  try {
    await waitFor(before, context.signal);
    return await runNow(context, call);
  } finally {
    finish();
  }
}

/** Waits for `before`, which never rejects. @throws CANCELLED when the signal fires first */
function waitFor(before: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled());
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void before.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}

function cancelled(): AppError {
  return new AppError('CANCELLED', 'Cancelled.');
}

async function runNow<T>({ signal, progress }: CallContext, call: NativeCall<T>): Promise<T> {
  const { addon } = openEngine();
  const cancel = new Int32Array(1);
  const onAbort = (): void => void (cancel[0] = 1);
  signal.addEventListener('abort', onAbort);
  const report = progress && progressReporter(call, progress);
  let settled = false;
  const onProgress: NativeControl['onProgress'] = (...told) => void (settled || report?.(...told));
  try {
    return await call.run(addon, { cancel, onProgress });
  } catch (error) {
    throw nativeError(error, call.details);
  } finally {
    settled = true; // a message that is still on its way would follow the result
    signal.removeEventListener('abort', onAbort);
  }
}

function progressReporter(
  { stage, unit }: { stage: string; unit: NonNullable<Progress['unit']> },
  report: (progress: Progress) => void,
): NonNullable<NativeControl['onProgress']> {
  let runStarted = performance.now();
  return (phase, done, total, text) => {
    if (phase === 'open') {
      runStarted = performance.now();
      report({ stage: 'open', done, total });
      return;
    }
    const seconds = (performance.now() - runStarted) / 1000;
    const rate =
      done > 0 && seconds > 0 ? { perSecond: done / seconds, secondsLeft: ((total - done) / done) * seconds } : {};
    report({ stage, done, total, unit, ...rate, ...(text ? { detail: text } : {}) });
  };
}
