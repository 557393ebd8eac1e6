// The engine: one object that answers the window's and the command line's calls. Composition root of its parts.
import path from 'node:path';
import type { HandlersOf } from '../contract/define-api.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError } from '../contract/errors.ts';
import { version } from '../contract/version.ts';
import { listTexts } from '../core/texts/open-text.ts';
import { Catalog } from './catalog/catalog.ts';
import { Children } from './children.ts';
import { listDevices } from './devices.ts';
import type { Folders } from './folders.ts';
import { sweepScratch, withContext } from './jobs/context.ts';
import { JobQueue, type Emit } from './jobs/queue.ts';
import { runRecipe } from './jobs/run-recipe.ts';
import { inspectAnywhere } from './library/inspect-hub.ts';
import { catalogRecorder } from './recorder.ts';

export interface Engine {
  handlers: HandlersOf<EngineApi>;
  /** Cancels what runs and waits for its end. */
  close: () => Promise<void>;
}

/** Builds the engine on its folders; `emit` sends events to whoever is connected. */
export async function createEngine(folders: Folders, emit: Emit): Promise<Engine> {
  const children = new Children(folders.entries);
  await sweepScratch(folders.home);
  const catalog = await Catalog.open(folders.home).catch((error: unknown) => AppError.from(error));
  const recorder = catalogRecorder(catalog, { snug: version, node: process.versions.node });
  const queue = new JobQueue(
    (run, recipe, signal, report) =>
      withContext({ run, signal, folders, children, threads: recipe.threads, report }, async (context) => {
        const problem = recorder.problem();
        if (problem !== null) context.warnings.push(`This run is not kept in the history: ${problem}`);
        return runRecipe(context, recipe);
      }),
    recorder,
    emit,
  );
  const handlers: HandlersOf<EngineApi> = {
    inspect: (params, { signal }) => inspectAnywhere(params, { home: folders.home, signal }),
    texts: () => listTexts(path.join(folders.resources, 'texts')),
    devices: (_params, { signal }) => listDevices(children, signal),
    sample: () => ({ model: path.join(folders.resources, 'sample/sample-7m.F16.gguf') }),
    'jobs.start': ({ recipe }) => ({ id: queue.start(recipe) }),
    'jobs.list': () => ({ jobs: queue.list() }),
    'jobs.get': ({ id }) => queue.get(id),
    'jobs.cancel': ({ id }) => queue.cancel(id),
  };
  return { handlers, close: () => queue.close() };
}
