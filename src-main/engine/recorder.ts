// Writes every run to the catalog. Where SQLite cannot be loaded or written, runs go on and say that they are not kept;
// what could not be written for the disk or another process's lock is written once it can be.
import { AppError, errorShape } from '../contract/errors.ts';
import type { JobSnapshot } from '../contract/job.ts';
import { recipe as recipeSchema } from '../contract/recipe.ts';
import { thisProcess } from '../core/process-identity.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { FoundModel, KeptRun } from './catalog/experiments.ts';
import type { MeasuringRun } from './catalog/history.ts';
import { PendingWrites } from './catalog/pending-writes.ts';
import type { Recorder } from './jobs/queue-parts.ts';

export interface CatalogRecorder extends Recorder {
  /** Notes which model a run works on. */
  modelFound: (run: string, model: FoundModel) => void;
  /** The newest runs that measured what they made of the model with this hash. */
  measuring: (modelHash: string) => MeasuringRun[];
  /** Writes what still waits, as far as the catalog can be written within a moment; answers how many writes are lost. */
  settle: () => Promise<number>;
}

/** Of one model; each is read whole. */
const mostMeasuring = 30;

export function catalogRecorder(opened: Catalog | AppError, versions: Record<string, string>): CatalogRecorder {
  return opened instanceof AppError ? keepingNothing(opened.message) : keepingIn(opened, versions);
}

const keepingNothing = (problem: string): CatalogRecorder => ({
  added: () => {},
  changed: () => problem,
  find: () => null,
  requeue: () => true,
  moved: () => {},
  modelFound: () => {},
  measuring: () => [],
  settle: () => Promise.resolve(0),
});

function keepingIn({ experiments, history }: Catalog, versions: Record<string, string>): CatalogRecorder {
  const writes = new PendingWrites();
  return {
    added: ({ id, recipe, created }, clonedFrom) =>
      writes.add(id, () => experiments.add({ id, recipe, created, versions, clonedFrom }, thisProcess)),
    changed({ id, job }) {
      writes.add(id, () => experiments.update(id, job));
      return writes.problemOf(id);
    },
    find(id) {
      writes.flush();
      return snapshotOf(experiments.get(id));
    },
    requeue(id) {
      writes.flush();
      writes.require(id);
      return experiments.requeue(id, thisProcess);
    },
    moved: (id, before) => writes.add(id, () => experiments.move(id, before)),
    modelFound: (run, model) => writes.add(run, () => experiments.noteModel(run, model)),
    measuring(hash) {
      writes.flush();
      return history.measuring(hash, mostMeasuring);
    },
    settle: () => writes.settle(),
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
