// Writes every run to the catalog. Where SQLite cannot be loaded or written, runs go on and say that they are not kept.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, errorShape } from '../contract/errors.ts';
import type { JobSnapshot } from '../contract/job.ts';
import { recipe as recipeSchema } from '../contract/recipe.ts';
import { thisProcess } from '../core/process-identity.ts';
import type { Catalog } from './catalog/catalog.ts';
import { isBusy } from './catalog/database.ts';
import type { FoundModel, KeptRun } from './catalog/experiments.ts';
import type { MeasuringRun } from './catalog/history.ts';
import type { Recorder } from './jobs/queue.ts';

export interface CatalogRecorder extends Recorder {
  /** Notes which model a run works on. */
  modelFound: (run: string, model: FoundModel) => void;
  /** The newest runs that measured what they made of the model with this hash. */
  measuring: (modelHash: string) => MeasuringRun[];
  /** Why runs are not kept, or null. */
  problem: () => string | null;
  /** Writes what still waits, as far as the catalog is free within a moment. */
  settle: () => Promise<void>;
}

/** A write that found the catalog locked is made again after this long. */
const retryMs = 1000;
const settleAttempts = 5;
/** Of one model; each is read whole. */
const mostMeasuring = 30;

export function catalogRecorder(opened: Catalog | AppError, versions: Record<string, string>): CatalogRecorder {
  let problem = opened instanceof AppError ? opened.message : null;
  let retry: NodeJS.Timeout | null = null;
  /** In order; what another process's lock keeps from being written waits here. */
  const pending: ((catalog: Catalog) => void)[] = [];

  function flush(): void {
    if (opened instanceof AppError) return;
    while (pending.length > 0) {
      try {
        pending[0]!(opened);
      } catch (error) {
        if (isBusy(error)) {
          retry ??= setTimeout(() => {
            retry = null;
            flush();
          }, retryMs).unref();
          return;
        }
        problem = AppError.from(error).message;
      }
      pending.shift();
    }
  }

  const write = (action: (catalog: Catalog) => void): void => {
    pending.push(action);
    flush();
  };
  const read = <T>(action: (catalog: Catalog) => T, otherwise: T): T => {
    flush();
    return opened instanceof AppError ? otherwise : action(opened);
  };
  return {
    added: ({ id, recipe, created }, clonedFrom) =>
      write(({ experiments }) => experiments.add({ id, recipe, created, versions, clonedFrom }, thisProcess)),
    changed: ({ id, job }) => write(({ experiments }) => experiments.update(id, job)),
    find: (id) => snapshotOf(read(({ experiments }) => experiments.get(id), null)),
    requeue: (id) => read(({ experiments }) => experiments.requeue(id, thisProcess), true),
    moved: (id, before) => write(({ experiments }) => experiments.move(id, before)),
    modelFound: (run, model) => write(({ experiments }) => experiments.noteModel(run, model)),
    measuring: (hash) => read(({ history }) => history.measuring(hash, mostMeasuring), []),
    problem: () => problem,
    async settle() {
      for (let attempt = 0; pending.length > 0 && attempt < settleAttempts; attempt++) {
        flush();
        if (pending.length > 0) await delay(retryMs / 10);
      }
    },
  };
}

/** A kept run as the queue knows jobs. A recipe of an older Snug gets the defaults of what it lacks. @throws USAGE where nothing is left to do, or for what is no recipe any more */
export function snapshotOf(run: KeptRun | null): JobSnapshot | null {
  if (run === null) return null;
  const { id, created, state } = run;
  if (state === 'done') throw new AppError('USAGE', `The run ${id} is done.`, { id, state });
  const parsed = recipeSchema.safeParse(JSON.parse(run.recipe));
  if (!parsed.success) {
    const message = `The run ${id} was made by another version of Snug, whose recipe this one cannot read.`;
    throw new AppError('USAGE', message, { id });
  }
  const base = { id, created, recipe: parsed.data };
  switch (state) {
    case 'failed':
      return { ...base, job: { state, error: errorShape.parse(JSON.parse(run.error ?? 'null')) } };
    case 'running':
      return { ...base, job: { state, progress: null, stages: [] } };
    default:
      return { ...base, job: { state } };
  }
}
