// Starts a job and follows it to its end.
import { AppError } from '../contract/errors.ts';
import { reduceJob, type JobResult, type JobState } from '../contract/job.ts';
import type { Progress } from '../contract/progress.ts';
import type { Recipe } from '../contract/recipe.ts';
import type { Engine } from './engine-process.ts';

export interface JobWatch {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** The result of the job. An abort cancels it and waits for its end. @throws the job's error, CANCELLED, WORKER_CRASHED */
export async function runJob(engine: Engine, recipe: Recipe, { signal, onProgress }: JobWatch): Promise<JobResult> {
  const states = new Map<string, JobState>();
  const ended = Promise.withResolvers<JobState>();
  let ownId: string | null = null;
  const notice = (state: JobState | undefined): void => {
    if (state?.state === 'running' && state.progress) onProgress(state.progress);
    if (state && state.state !== 'queued' && state.state !== 'running') ended.resolve(state);
  };
  // Listening starts before the job does, so no event of it is missed.
  const stopListening = engine.on('jobs.changed', ({ id, event }) => {
    const state = reduceJob(states.get(id) ?? { state: 'queued' }, event);
    states.set(id, state);
    if (id === ownId) notice(state);
  });
  const cancel = (): void => {
    if (ownId !== null)
      engine.call['jobs.cancel']({ id: ownId }).then((snapshot) => notice(snapshot.job), ended.reject);
  };
  signal.addEventListener('abort', cancel);
  try {
    ownId = (await engine.call['jobs.start']({ recipe })).id;
    notice(states.get(ownId)); // what came before its answer did
    if (signal.aborted) cancel();
    return resultOf(await Promise.race([ended.promise, engine.lost.then((error) => Promise.reject(error))]));
  } finally {
    stopListening();
    signal.removeEventListener('abort', cancel);
  }
}

function resultOf(state: JobState): JobResult {
  if (state.state === 'done') return state.result;
  if (state.state === 'failed') throw AppError.fromShape(state.error);
  throw new AppError('CANCELLED', 'Cancelled. Nothing was left half written.');
}
