// The engine's answers about the history.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { Experiment } from '../../contract/history.ts';
import { Catalog } from '../catalog/catalog.ts';
import { lifeMs } from '../jobs/job-folder.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { cloneRecipe } from './clone-recipe.ts';
import { compareRuns } from './compare-runs.ts';
import { deleteFiles } from './delete-files.ts';
import { listModels } from './list-models.ts';

type HistoryMethod = Extract<keyof EngineApi['methods'], `history.${string}` | 'models.list'>;

/** `opened`: the catalog, or why there is none. */
export function historyHandlers(
  opened: Catalog | AppError,
  queue: JobQueue,
): Pick<HandlersOf<EngineApi>, HistoryMethod> {
  const catalog = (): Catalog => {
    if (opened instanceof Catalog) return opened;
    throw new AppError(opened.code, `The history cannot be read: ${opened.message}`, opened.details, opened);
  };
  const changed = (run: string, change: (catalog: Catalog) => void): Experiment => {
    catalog().history.get(run); // a run that is not there is told
    change(catalog());
    return catalog().history.get(run);
  };
  return {
    'history.unfinished': ({ endedToo }) => {
      const own = new Set(queue.list().map(({ id }) => id));
      const endedSince = endedToo ? new Date(Date.now() - lifeMs) : null;
      return catalog().history.unfinished((run) => !own.has(run), endedSince);
    },
    'history.list': (filter) => catalog().history.list(filter),
    'history.get': ({ run }) => catalog().history.detail(run),
    'history.compare': ({ runs }) => compareRuns(runs.map((run) => catalog().history.detail(run))),
    'history.clone': ({ run, set }) => ({ recipe: cloneRecipe(catalog().history.get(run), set) }),
    'history.tag': ({ run, tag, remove }) =>
      changed(run, ({ experiments }) => (remove ? experiments.untag(run, tag) : experiments.tag(run, tag))),
    'history.note': ({ run, note }) => changed(run, ({ experiments }) => experiments.note(run, note)),
    'history.tags': () => ({ tags: catalog().history.tags() }),
    'history.deleteFiles': ({ run }, { signal, progress }) => deleteFiles(catalog(), run, { signal, progress }),
    'models.list': () => listModels(catalog()),
  };
}
