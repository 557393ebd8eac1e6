// Starts a job, or takes one up, and follows it to its end.
import { AppError } from '../contract/errors.ts';
import { hasEnded, reduceJob, type JobResult, type JobState } from '../contract/job.ts';
import type { Progress } from '../contract/progress.ts';
import type { Engine } from './engine-process.ts';

export interface JobWatch {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  /** Told the id of the job once it has one. */
  onBegun: (id: string) => void;
  /** Another run has the machine. */
  onWaiting: (waitingFor: string) => void;
}

/**
 * The result of the job that `begin` starts; its id is the answer. An abort cancels it and waits for its end.
 * @throws the job's error, CANCELLED, WORKER_CRASHED
 */
export async function runJob(
  engine: Engine,
  begin: () => Promise<{ id: string }>,
  { signal, onProgress, onBegun, onWaiting }: JobWatch,
): Promise<JobResult> {
  const states = new Map<string, JobState>();
  const ended = Promise.withResolvers<JobState>();
  let ownId: string | null = null;
  const notice = (state: JobState | undefined): void => {
    if (state?.state === 'running' && state.progress) onProgress(state.progress);
    if (state?.state === 'queued' && state.waitingFor !== undefined) onWaiting(state.waitingFor);
    if (state && hasEnded(state)) ended.resolve(state);
  };
  // Listening starts before the job does, so no event of it is missed.
  const stopListening = engine.on('jobs.changed', ({ id, event }) => {
    const state = reduceJob(states.get(id) ?? { state: 'queued' }, event);
    states.set(id, state);
    if (id === ownId && event.type !== 'measured') notice(state); // a row tells no new progress
  });
  const cancel = (): void => {
    if (ownId !== null)
      engine.call['jobs.cancel']({ id: ownId }).then((snapshot) => notice(snapshot.job), ended.reject);
  };
  signal.addEventListener('abort', cancel);
  try {
    ownId = (await begin()).id;
    onBegun(ownId);
    notice(states.get(ownId)); // what came before its answer did
    if (signal.aborted) cancel();
    const state = await Promise.race([ended.promise, engine.lost.then((error) => Promise.reject(error))]);
    return resultOf(state, ownId);
  } catch (error) {
    throw namingRun(AppError.from(error), ownId);
  } finally {
    stopListening();
    signal.removeEventListener('abort', cancel);
  }
}

/** An engine that died knows of no run; the user wants to go on with it. */
function namingRun(error: AppError, run: string | null): AppError {
  if (run === null || error.details['process'] !== 'engine') return error;
  const message = `${error.message} The run ${run} was not finished: snug resume ${run} goes on behind what was.`;
  return new AppError(error.code, message, { ...error.details, run }, error);
}

function resultOf(state: JobState, id: string): JobResult {
  if (state.state === 'done') return state.result;
  if (state.state === 'failed') throw AppError.fromShape(state.error);
  const message = `Cancelled. Nothing was left half written; snug resume ${id} goes on behind what was finished.`;
  throw new AppError('CANCELLED', message, { run: id });
}
