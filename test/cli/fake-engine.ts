// An engine for tests that answers from a script: the same API and wire as the real one, no work.
import { setTimeout as delay } from 'node:timers/promises';
import type { HandlersOf } from '../../src-main/contract/define-api.ts';
import type { DeviceList } from '../../src-main/contract/devices.ts';
import { engineApi, type EngineApi } from '../../src-main/contract/engine-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import { reduceJob, type JobEvent, type JobSnapshot } from '../../src-main/contract/job.ts';
import type { Recipe } from '../../src-main/contract/recipe.ts';
import { serve, type Server } from '../../src-main/rpc/server.ts';
import type { Transport } from '../../src-main/rpc/transport.ts';
import { exported, runnerList, undone } from './fake-runners.ts';
import { deviceList, inspectionOf, installed, searchFound, textList } from './fake-answers.ts';
import { results } from './fake-results.ts';

export interface FakeScript {
  devices?: DeviceList;
  /** The events of a job; a job whose script does not end runs until it is cancelled. */
  events?: (recipe: Recipe) => JobEvent[];
  /** Never answers a cancel. */
  stubborn?: boolean;
  /** Time that it takes for a cancel. */
  cancelMs?: number;
}

/** Every job tells one stage and ends with the canned result of its verb. */
export function successfulJob(recipe: Recipe): JobEvent[] {
  return [
    { type: 'started' },
    { type: 'progressed', progress: { stage: 'open', done: 1, total: 2 } },
    { type: 'finished', result: results[recipe.verb] },
  ];
}

/** Serves the script; answers the recipes that were started. */
export function serveFakeEngine(transport: Transport, script: FakeScript = {}): Recipe[] {
  const recipes: Recipe[] = [];
  const jobs: JobSnapshot[] = [];
  const emit = (id: string, event: JobEvent): void => {
    const job = jobs.find((one) => one.id === id)!;
    job.job = reduceJob(job.job, event);
    server.emit('jobs.changed', { id, event });
  };
  const find = (id: string): JobSnapshot => jobs.find((job) => job.id === id)!;
  const server: Server<EngineApi> = serve(
    engineApi,
    {
      inspect: ({ model }) => {
        if (model.endsWith('missing.gguf'))
          throw new AppError('FILE_NOT_FOUND', `Cannot open ${model}.`, { path: model });
        return inspectionOf(model);
      },
      texts: () => textList,
      devices: () => script.devices ?? deviceList,
      installCuda: () => installed,
      'hub.search': ({ words }) => ({ ...searchFound, words }),
      'runners.list': () => runnerList,
      'runners.export': () => exported,
      'runners.undo': () => undone,
      sample: () => ({ model: '/snug/sample-7m.F16.gguf' }),
      'jobs.start': ({ recipe }) => {
        const id = `job-${jobs.length + 1}`;
        recipes.push(recipe);
        jobs.push({ id, recipe, created: '2026-01-01T00:00:00Z', job: { state: 'queued' } });
        for (const event of (script.events ?? successfulJob)(recipe)) setImmediate(() => emit(id, event));
        return { id };
      },
      'jobs.list': () => ({ jobs, waiting: [] }),
      'jobs.get': ({ id }) => find(id),
      'jobs.cancel': async ({ id }) => {
        if (script.stubborn) return new Promise(() => {});
        await delay(script.cancelMs ?? 0);
        emit(id, { type: 'cancelled' });
        return find(id);
      },
    } satisfies Partial<HandlersOf<EngineApi>> as unknown as HandlersOf<EngineApi>,
    transport,
  );
  return recipes;
}
