// Writes every run to the catalog. Where SQLite cannot be loaded or written, runs go on and say that they are not kept.
import { AppError, errorShape } from '../contract/errors.ts';
import type { JobSnapshot } from '../contract/job.ts';
import { recipe as recipeSchema } from '../contract/recipe.ts';
import { thisProcess } from '../core/process-identity.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { FoundModel, KeptRun } from './catalog/experiments.ts';
import type { Recorder } from './jobs/queue.ts';

export interface CatalogRecorder extends Recorder {
  /** Notes which model a run works on. */
  modelFound: (run: string, model: FoundModel) => void;
  /** Why runs are not kept, or null. */
  problem: () => string | null;
}

export function catalogRecorder(opened: Catalog | AppError, versions: Record<string, string>): CatalogRecorder {
  let problem = opened instanceof AppError ? opened.message : null;
  const attempt = <T>(action: (catalog: Catalog) => T, otherwise: T): T => {
    if (opened instanceof AppError) return otherwise;
    try {
      return action(opened);
    } catch (error) {
      problem = AppError.from(error).message;
      return otherwise;
    }
  };
  return {
    added: ({ id, recipe, created }, clonedFrom) =>
      attempt(
        ({ experiments }) => experiments.add({ id, recipe, created, versions, clonedFrom }, thisProcess),
        undefined,
      ),
    changed: ({ id, job }) => attempt(({ experiments }) => experiments.update(id, job), undefined),
    find: (id) => snapshotOf(attempt(({ experiments }) => experiments.get(id), null)),
    requeue: (id) => attempt(({ experiments }) => experiments.requeue(id, thisProcess), true),
    moved: (id, before) => attempt(({ experiments }) => experiments.move(id, before), undefined),
    modelFound: (run, model) => attempt(({ experiments }) => experiments.noteModel(run, model), undefined),
    problem: () => problem,
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
