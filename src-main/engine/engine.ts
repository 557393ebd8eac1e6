// The engine: one object that answers the window's and the command line's calls. Composition root of its parts.
import path from 'node:path';
import type { HandlersOf } from '../contract/define-api.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError } from '../contract/errors.ts';
import { version } from '../contract/version.ts';
import { listTexts } from '../core/texts/open-text.ts';
import { openAppLog, type AppLog } from './app-log.ts';
import { Catalog } from './catalog/catalog.ts';
import { settingsInMemory } from './catalog/settings.ts';
import { chatHandlers } from './chat/ask.ts';
import { Children } from './children.ts';
import { installCuda, onnxPackage } from './devices/cuda-files.ts';
import { listDevices } from './devices/list-devices.ts';
import { Providers } from './devices/providers.ts';
import type { Folders } from './folders.ts';
import { hubHandlers } from './hub/handlers.ts';
import { KeptBlocks } from './hub/kept-blocks.ts';
import { sweepJobFolders } from './jobs/job-folder.ts';
import { JobQueue } from './jobs/queue.ts';
import type { Emit } from './jobs/queue-parts.ts';
import { readJobLog } from './jobs/read-job-log.ts';
import { earlyRefusal, jobRunner } from './jobs/run-job.ts';
import { leasedTurns, soleTurns } from './jobs/turns.ts';
import { KnownPlans } from './known-plans.ts';
import { MachineService } from './machine.ts';
import { thisSystem, type System } from './system.ts';
import { historyHandlers } from './library/history-handlers.ts';
import { inspectAnywhere, preflightAnywhere } from './library/model-anywhere.ts';
import { catalogRecorder } from './recorder.ts';
import { settingsHandlers } from './settings-handlers.ts';
import { UserSettings } from './user-settings.ts';
import { runnerHandlers } from './runners/handlers.ts';
import { thisMachine, type Places } from './runners/places.ts';

export interface Engine {
  handlers: HandlersOf<EngineApi>;
  /** Stops what runs, to be taken up later, waits for its end, and leaves the history whole in its file. */
  close: () => Promise<void>;
}

/** Builds the engine on its folders; `emit` sends events to whoever is connected. */
export async function createEngine(
  folders: Folders,
  emit: Emit,
  system: System = thisSystem,
  places: Places = thisMachine(),
): Promise<Engine> {
  const { home } = folders;
  const children = new Children(folders.entries);
  const providers = new Providers(children, onnxPackage());
  const log = openAppLog(home);
  for (const unswept of await sweepJobFolders(home)) log('unswept', { ...unswept });
  const catalog = await openCatalog(home, log);
  const versions = { snug: version, node: process.versions.node };
  log('start', {
    versions,
    ...(catalog instanceof Catalog ? { recovery: catalog.recovery } : { history: catalog.message }),
  });
  const recorder = catalogRecorder(catalog, versions);
  const kept = catalog instanceof Catalog ? catalog.settings : settingsInMemory();
  const [machine, plans] = [new MachineService(kept), new KnownPlans()];
  const settings = new UserSettings(kept);
  const [parts, blocks] = [{ folders, children, machine, plans, settings, system }, new KeptBlocks()];
  const turns = catalog instanceof Catalog ? leasedTurns(catalog.leases, log) : soleTurns(catalog.message, log);
  const queue = new JobQueue({
    refuseEarly: earlyRefusal(home),
    runRecipe: jobRunner({ ...parts, providers, versions, recorder }),
    recorder,
    turns,
    emit,
  });
  const handlers: HandlersOf<EngineApi> = {
    inspect: (params, { signal }) => inspectAnywhere(params, { home, preferences: settings.read(), signal, blocks }),
    texts: () => listTexts(path.join(folders.resources, 'texts')),
    devices: ({ probe }, { signal }) => listDevices({ children, providers: probe ? providers : null, signal }),
    installCuda: async (_params, { signal }) => {
      const added = await installCuda(onnxPackage(), signal);
      providers.forget();
      return added;
    },
    ...hubHandlers({ home, settings }),
    ...settingsHandlers({ home, settings }),
    sample: () => ({ model: path.join(folders.resources, 'sample/sample-7m.F16.gguf') }),
    ...jobHandlers(queue),
    'jobs.preflight': ({ recipe, isOutputOpen }, { signal }) =>
      preflightAnywhere({ ...parts, blocks }, recipe, { signal, isOutputOpen, mayMeasure: !isComputing(queue) }),
    'jobs.log': ({ id }) => readJobLog(home, id),
    ...historyHandlers(catalog, queue),
    ...runnerHandlers({ opened: catalog, home, places }),
    ...chatHandlers({ ...parts, opened: catalog, providers, queue }),
  };
  const close = async (): Promise<void> => {
    await queue.close();
    const lostWrites = await recorder.settle();
    turns.close();
    if (catalog instanceof Catalog) catalog.checkpoint();
    log('end', { lostWrites });
  };
  return { handlers, close };
}

/** Or why there is none. */
const openCatalog = (home: string, log: AppLog): Promise<Catalog | AppError> =>
  Catalog.open(home, () => {
    log('history held', {});
    process.stderr.write('Another process holds the history: waiting for it.\n');
  }).catch((error: unknown) => AppError.from(error));

const isComputing = (queue: JobQueue): boolean => queue.list().some(({ job }) => job.state === 'running');

type JobHandlers = Pick<
  HandlersOf<EngineApi>,
  'jobs.start' | 'jobs.list' | 'jobs.get' | 'jobs.cancel' | 'jobs.pause' | 'jobs.resume' | 'jobs.move'
>;

const jobHandlers = (queue: JobQueue): JobHandlers => ({
  'jobs.start': ({ recipe, clonedFrom }) => ({ id: queue.start(recipe, clonedFrom) }),
  'jobs.list': () => ({ jobs: queue.list(), waiting: queue.waiting() }),
  'jobs.get': ({ id }) => queue.get(id),
  'jobs.cancel': ({ id }) => queue.cancel(id),
  'jobs.pause': ({ id }) => queue.pause(id),
  'jobs.resume': ({ id }) => queue.resume(id),
  'jobs.move': ({ id, before }) => {
    queue.move(id, before);
    return {};
  },
});
