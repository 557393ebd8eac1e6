// Writes every run to the catalog. Where SQLite cannot be loaded or written, runs go on and say that they are not kept;
// what could not be written for the disk or another process's lock is written once it can be.
import { AppError } from '../contract/errors.ts';
import { hasEnded, type JobSnapshot } from '../contract/job.ts';
import { recipe as recipeSchema } from '../contract/recipe.ts';
import { thisProcess } from '../core/process-identity.ts';
import type { Catalog } from './catalog/catalog.ts';
import { heartbeatMs, type Engines } from './catalog/engines.ts';
import type { FoundModel, KeptRun } from './catalog/experiments.ts';
import { jsonOf, readError, type MeasuringRun } from './catalog/history.ts';
import { PendingWrites } from './catalog/pending-writes.ts';
import type { Recorder } from './jobs/queue-parts.ts';

export interface CatalogRecorder extends Recorder {
  /** Notes which model a run works on. */
  modelFound: (run: string, model: FoundModel) => void;
  /** Of the model that an earlier attempt worked on; null where that is not known. */
  modelHash: (run: string) => string | null;
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
  modelHash: () => null,
  measuring: () => [],
  settle: () => Promise.resolve(0),
});

function keepingIn({ engines, experiments, history }: Catalog, versions: Record<string, string>): CatalogRecorder {
  const writes = new PendingWrites();
  const inHand = signsOfLife(engines);
  return {
    added({ id, recipe, created }, clonedFrom) {
      writes.add(id, () => experiments.add({ id, recipe, created, versions, clonedFrom }, thisProcess));
      inHand.begin(id);
    },
    changed({ id, job }) {
      writes.add(id, () => experiments.update(id, job));
      if (hasEnded(job)) inHand.end(id);
      return writes.problemOf(id);
    },
    find(id) {
      writes.flush();
      return snapshotOf(experiments.get(id));
    },
    requeue(id) {
      writes.flush();
      writes.require(id);
      const isOurs = experiments.requeue(id, thisProcess);
      if (isOurs) inHand.begin(id);
      return isOurs;
    },
    moved: (id, before) => writes.add(id, () => experiments.move(id, before)),
    modelFound: (run, model) => writes.add(run, () => experiments.noteModel(run, model)),
    modelHash(run) {
      writes.flush();
      return experiments.modelHash(run);
    },
    measuring(hash) {
      writes.flush();
      return history.measuring(hash, mostMeasuring);
    },
    settle: () => writes.settle(),
  };
}

/** Shows that this engine lives, as long as it has runs in hand. */
function signsOfLife(engines: Engines): { begin: (run: string) => void; end: (run: string) => void } {
  const runs = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  const tried = (write: () => void): void => {
    try {
      write();
    } catch {
      // A late sign is no harm, and one too many none either: a process that ended is judged by that.
    }
  };
  return {
    begin(run) {
      runs.add(run);
      timer ??= setInterval(() => tried(() => engines.beat(thisProcess)), heartbeatMs).unref();
    },
    end(run) {
      if (!runs.delete(run) || runs.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
      tried(() => engines.forget(thisProcess));
    },
  };
}

/** A kept run as the queue knows jobs. A recipe of an older Snug gets the defaults of what it lacks. @throws USAGE where nothing is left to do, or for what is no recipe any more */
export function snapshotOf(run: KeptRun | null): JobSnapshot | null {
  if (run === null) return null;
  const { id, created, state } = run;
  if (state === 'done') throw new AppError('USAGE', `The run ${id} is done.`, { id, state });
  const parsed = recipeSchema.safeParse(jsonOf(run.recipe));
  if (!parsed.success) {
    const message = `The run ${id} was made by another version of Snug, whose recipe this one cannot read.`;
    throw new AppError('USAGE', message, { id });
  }
  const base = { id, created, recipe: parsed.data };
  switch (state) {
    case 'failed':
      return { ...base, job: { state, error: readError(run.error ?? 'null') } };
    case 'running':
      return { ...base, job: { state, progress: null, stages: [] } };
    default:
      return { ...base, job: { state } };
  }
}
