// @vitest-environment node
// The stores against an engine of the contract: snapshot and events, plans, runs, the end of the engine.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { nextTick, watch } from 'vue';
import type { Preflight } from '../../src-main/contract/preflight.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import { usualSettings } from '../../src-main/contract/settings.ts';
import { fitRecipe, recipe, type Recipe } from '../../src-main/contract/recipe.ts';
import { newRecipeDraft } from '../../src-renderer/features/advanced/recipe-draft.ts';
import { openInFit } from '../../src-renderer/features/history/clone-into-fit.ts';
import { runInWords } from '../../src-renderer/features/plans/plan-run.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useFitStore } from '../../src-renderer/stores/fit-store.ts';
import { useMakeStore } from '../../src-renderer/stores/make-store.ts';
import { useJobsStore } from '../../src-renderer/stores/jobs-store.ts';
import { useNoticeStore } from '../../src-renderer/stores/notice-store.ts';
import { usePreferencesStore } from '../../src-renderer/stores/preferences-store.ts';
import { useNavigationStore } from '../../src-renderer/stores/navigation-store.ts';
import { planFor } from '../support/plans.ts';
import { fakeEngine, inspection, planList, type FakeEngine } from './fake-engine.ts';

const GiB = 2 ** 30;
const chooseOutput = vi.fn<(suggested: string) => Promise<string | null>>();
vi.stubGlobal('window', { app: { chooseOutput } });

beforeEach(() => {
  setActivePinia(createPinia());
  chooseOutput.mockReset();
});

const planRecipe = recipe.parse({ verb: 'plan', model: 'm', target: { kind: 'file', bytes: 1 } });

async function started(engine: FakeEngine): Promise<ReturnType<typeof useFitStore>> {
  await useEngineStore().start(engine.open);
  return useFitStore();
}

/** Opens the model and brings its plans. */
async function planned(engine: FakeEngine, value = planList): Promise<ReturnType<typeof useFitStore>> {
  const fit = await started(engine);
  await fit.open(inspection.path);
  await fit.plan(useMakeStore().question!);
  engine.send('job-1', { type: 'started' });
  engine.send('job-1', { type: 'finished', result: { verb: 'plan', value } });
  await vi.waitFor(() => expect(fit.plans).not.toBeNull());
  return fit;
}

describe('the jobs store', () => {
  it('applies events to the snapshot in order', async () => {
    const engine = fakeEngine();
    await started(engine);
    const jobs = useJobsStore();
    const id = await jobs.start({ verb: 'plan', model: 'm', target: { kind: 'file', bytes: 1 } });
    engine.send(id, { type: 'started' });
    engine.send(id, { type: 'progressed', progress: { stage: 'plan', done: 3, total: 9 } });
    await vi.waitFor(() =>
      expect(jobs.jobs.get(id)?.job).toMatchObject({ state: 'running', stages: ['plan'], progress: { done: 3 } }),
    );
  });

  it('asks once for what is asked twice in one breath, and again later', async () => {
    const asked: string[] = [];
    const engine = fakeEngine({
      'jobs.resume': ({ id }) => {
        asked.push(id);
        return { id, recipe: planRecipe, created: '2026-01-01T00:00:00Z', job: { state: 'cancelled' } };
      },
    });
    await started(engine);
    const jobs = useJobsStore();
    await Promise.all([jobs.resume('a'), jobs.resume('a'), jobs.resume('b')]);
    expect(asked).toEqual(['a', 'b']);
    await jobs.resume('a');
    expect(asked).toEqual(['a', 'b', 'a']);
  });

  it('asks for a new snapshot after a gap', async () => {
    const engine = fakeEngine();
    await started(engine);
    const jobs = useJobsStore();
    const id = await jobs.start({ verb: 'plan', model: 'm', target: { kind: 'file', bytes: 1 } });
    engine.send(id, { type: 'started' });
    await vi.waitFor(() => expect(jobs.jobs.get(id)?.job.state).toBe('running'));
    engine.loseNextEvent();
    engine.send(id, { type: 'cancelled' });
    engine.jobs[0] = { ...engine.jobs[0]!, job: { state: 'cancelled' } };
    const other = await jobs.start({ verb: 'plan', model: 'n', target: { kind: 'file', bytes: 1 } });
    await vi.waitFor(() => expect(jobs.jobs.get(id)?.job.state).toBe('cancelled'));
    expect(jobs.jobs.has(other)).toBe(true);
  });
});

describe('the engine store', () => {
  it('tells how the engine ended, and rejects what was asked of it', async () => {
    const engine = fakeEngine({ inspect: () => new Promise(() => {}) });
    const fit = await started(engine);
    const opening = fit.open('/models/slow.gguf');
    engine.die({ reason: 'signal SIGKILL', advice: null, log: 'last words' });
    await opening;
    expect(fit.model).toMatchObject({ state: 'failed', error: { code: 'WORKER_CRASHED' } });
    expect(useEngineStore().status).toEqual({
      state: 'stopped',
      exit: { reason: 'signal SIGKILL', advice: null, log: 'last words' },
    });
  });

  it('is stopped when the engine ends before its first answer', async () => {
    const engine = fakeEngine({ 'jobs.list': () => new Promise(() => {}) });
    const starting = useEngineStore().start(engine.open);
    engine.die({ reason: 'exit code 1', advice: 'Use Node 24.', log: '' });
    await starting;
    await vi.waitFor(() =>
      expect(useEngineStore().status).toMatchObject({ state: 'stopped', exit: { advice: 'Use Node 24.' } }),
    );
  });

  it('starts again after an end, with the jobs of the new engine only', async () => {
    const first = fakeEngine();
    const fit = await planned(first);
    first.die({ reason: 'exit code 1', advice: null, log: '' });
    await vi.waitFor(() => expect(useEngineStore().status.state).toBe('stopped'));
    await useEngineStore().start(fakeEngine().open);
    await fit.resume();
    expect(useJobsStore().jobs.size).toBe(0);
    expect(fit.model).toMatchObject({ state: 'open', path: inspection.path });
    expect(fit.plans).toBeNull();
  });
});

describe('the fit store', () => {
  it('opens a model and sets the context to what it has', async () => {
    const fit = await started(fakeEngine());
    await fit.open(inspection.path);
    expect(fit.model).toMatchObject({ state: 'open', inspection: { architecture: 'llama' } });
    expect(fit.draft.context).toBe(512);
  });

  it('keeps the error of a file that cannot be opened', async () => {
    const malformed = new AppError('FILE_MALFORMED', 'The magic is GGUX.', { file: 'x.gguf' });
    const fit = await started(fakeEngine({ inspect: () => Promise.reject(malformed) }));
    await fit.open('/models/x.gguf');
    expect(fit.model).toEqual({ state: 'failed', path: '/models/x.gguf', error: malformed.toShape() });
  });

  it('keeps the open model, its plans and its settings where another one cannot be read', async () => {
    const missing = new AppError('FILE_NOT_FOUND', '/empty holds no model.', { path: '/empty', missing: 'model' });
    const engine = fakeEngine({
      inspect: ({ model }) => (model === '/empty' ? Promise.reject(missing) : inspection),
    });
    const fit = await planned(engine);
    const opening = fit.open('/empty');
    expect(fit.reading).toEqual({ path: '/empty' });
    expect(await opening).toBe(false);
    expect(fit).toMatchObject({ model: { state: 'open', path: inspection.path }, reading: null });
    expect(fit.plans?.best).toBe('q5_k_m');
    expect(useNoticeStore().notice).toMatchObject({ title: 'This is no model', message: missing.message });
    expect(engine.cancelled).toEqual([]);
    await fit.open(inspection.path);
    expect(useNoticeStore().notice).toBeNull(); // what is open now is not what it tells of
    await fit.plan(useMakeStore().question!);

    const recipe = { verb: 'fit', model: '/empty', target: { kind: 'file', bytes: 5 }, output: '/o', plan: 'source' };
    await openInFit('run', fitRecipe.parse({ ...recipe, calibration: { samples: 7 } }));
    expect(useMakeStore()).toMatchObject({ source: null, draft: { samples: '128' } });
    expect(fit).toMatchObject({ draft: { kind: 'memory' }, chosenId: null });
  });

  it('has the target of the model that is open until another one is', async () => {
    const answers: ((read: typeof inspection) => void)[] = [];
    const fit = await planned(
      fakeEngine({
        inspect: ({ model }) =>
          model === '/next' ? new Promise((resolve) => void answers.push(resolve)) : { ...inspection, path: model },
        sample: () => ({ model: '/next' }),
      }),
    );
    const target = { kind: 'memory', bytes: 8 * GiB, context: 256 };
    const recipe = fitRecipe.parse({ verb: 'fit', model: '/next', target, output: '/o', plan: 'source' });
    for (const [opens, card] of [
      [() => fit.openSample(), '24 MiB'],
      [() => openInFit('run', recipe), '8 GiB'],
    ] as const) {
      await fit.open(inspection.path);
      fit.draft.card = '12 GiB';
      const opening = opens();
      await vi.waitFor(() => expect(answers).toHaveLength(1));
      expect(fit.draft.card).toBe('12 GiB');
      const seen: string[] = []; // by a page that follows both: never the one without the other
      const stop = watch(
        () => [fit.model, fit.draft.card, fit.draft.context],
        () => fit.model.state === 'open' && seen.push(`${fit.model.path} ${fit.draft.card}`),
      );
      answers.pop()!(inspection);
      await opening;
      await nextTick();
      stop();
      expect(seen).toEqual([`/next ${card}`]);
    }
    expect(fit.draft.context).toBe(256);
    await fit.open(inspection.path);
    const left = [fit.open('/next'), fit.stopReading()];
    await vi.waitFor(() => answers.pop()!(inspection));
    expect([await left[0], fit.model, fit.reading]).toMatchObject([false, { path: inspection.path }, null]);
  });

  it('takes the answer of the model opened last', async () => {
    const answers = new Map<string, PromiseWithResolvers<typeof inspection>>();
    const fit = await started(
      fakeEngine({
        inspect: ({ model }) => {
          const answer = Promise.withResolvers<typeof inspection>();
          answers.set(model, answer);
          return answer.promise;
        },
      }),
    );
    const first = fit.open('/slow.gguf');
    const second = fit.open('/fast.gguf');
    await vi.waitFor(() => expect(answers.size).toBe(2));
    answers.get('/fast.gguf')!.resolve(inspection);
    await second;
    answers.get('/slow.gguf')!.resolve({ ...inspection, architecture: 'old' });
    await first;
    expect(fit.model).toMatchObject({ path: '/fast.gguf', inspection: { architecture: 'llama' } });
  });

  it('chooses the best plan, then what the user chooses', async () => {
    const fit = await planned(fakeEngine());
    expect(fit.chosen?.id).toBe('q5_k_m');
    fit.chosenId = 'q4_k_m';
    expect(fit.chosen?.id).toBe('q4_k_m');
  });

  it('keeps the plans in view while new ones are worked out, and withdraws a question that still runs', async () => {
    const engine = fakeEngine();
    const fit = await planned(engine);
    await fit.plan(useMakeStore().question!);
    expect(fit.planning?.state).toBe('queued');
    expect(fit.plans?.best).toBe('q5_k_m');
    await fit.plan(useMakeStore().question!);
    await vi.waitFor(() => expect(engine.cancelled).toEqual(['job-2']));
    expect(fit.plans?.best).toBe('q5_k_m');
  });

  it('shows why a request was refused', async () => {
    const refused = new AppError('USAGE', 'No such plan.');
    const engine = fakeEngine({ 'jobs.start': () => Promise.reject(refused) });
    const fit = await started(engine);
    await fit.open(inspection.path);
    await fit.plan(useMakeStore().question!);
    expect(fit.refusal).toEqual(refused.toShape());
  });
});

describe('the make store', () => {
  it('makes the chosen plan into the file that the user names', async () => {
    const engine = fakeEngine();
    await planned(engine);
    const make = useMakeStore();
    chooseOutput.mockResolvedValue('/models/mine.gguf');
    await make.prepare();
    expect(make.preparation).toMatchObject({ answer: { state: 'told', preflight: { peakMemoryBytes: 5 } } });
    await make.start();
    expect(chooseOutput).toHaveBeenCalledWith('/models/sample.q5_k_m.gguf');
    expect(engine.jobs.at(-1)?.recipe).toMatchObject({
      verb: 'fit',
      plan: 'q5_k_m',
      output: '/models/mine.gguf',
      force: true,
      target: planList.target,
    });
    expect(useJobsStore().activeRun?.id).toBe('job-2');
    expect(useNavigationStore()).toMatchObject({ area: 'runs', params: { run: 'job-2' } });
  });

  it('begins one run, however often Start is pressed, and another one when it is asked for anew', async () => {
    const engine = fakeEngine();
    await planned(engine);
    const make = useMakeStore();
    chooseOutput.mockResolvedValue('/models/mine.gguf');
    await make.prepare();
    await Promise.all([make.start(), make.start()]);
    expect(engine.jobs.map(({ recipe }) => recipe.verb)).toEqual(['plan', 'fit']);
    await make.start(); // nothing is prepared any more
    expect(engine.jobs).toHaveLength(2);
    await make.prepare();
    await make.start();
    expect(engine.jobs).toHaveLength(3);
  });

  it('names the file of a slice for its width and type', async () => {
    const step = { method: 'slice', kind: 'shared', width: 192, hiddenSize: 256, sparsity: 0.25 } as const;
    const quantize = { method: 'quantize', type: 'Q8_0', pure: false, importance: true } as const;
    const slice = planFor('slice-192+q8_0', { steps: [{ ...step, orientation: 'hadamard' }, quantize] });
    const engine = fakeEngine();
    const fit = await planned(engine, { ...planList, plans: [slice, ...planList.plans] });
    const make = useMakeStore();
    fit.chosenId = slice.id;
    chooseOutput.mockResolvedValue(null);
    await make.prepare();
    expect(chooseOutput).toHaveBeenCalledWith('/models/sample.slice-192.Q8_0.gguf');
  });

  it('starts nothing when the user backs out of the dialog', async () => {
    const engine = fakeEngine();
    await planned(engine);
    const make = useMakeStore();
    chooseOutput.mockResolvedValue(null);
    await make.prepare();
    expect(engine.jobs).toHaveLength(1);
    expect(useNavigationStore().area).toBe('fit');
  });

  it('proves the source without a dialog, and never over another file', async () => {
    const engine = fakeEngine();
    const fit = await planned(engine);
    const make = useMakeStore();
    fit.chosenId = 'source';
    await make.prepare();
    await make.start();
    expect(chooseOutput).not.toHaveBeenCalled();
    expect(engine.jobs.at(-1)?.recipe).toMatchObject({ verb: 'fit', plan: 'source', force: false });
    const folders = { userData: '/home/snug', models: '/models' };
    usePreferencesStore().state = {
      ...{ settings: usualSettings, folders, hubEndpoint: '', statisticsUsedBytes: 0 },
      overrides: { hubEndpoint: false, offline: false },
    };
    expect(make.wish?.recipe.output).toBe('/home/snug/sample.snug.gguf'); // the model's folder may be read-only
  });

  it('tells what the run takes with the settings as they are, asked once they pause', async () => {
    const asked: Recipe[] = [];
    const seconds = { low: 20, likely: 40, high: 80 };
    const disks = [5e9, 1e9].map((neededBytes) => ({ place: '/', neededBytes, freeBytes: null }));
    const foreseen: Preflight = {
      ...{ seconds, stages: {}, peakMemoryBytes: 2 * GiB, disks, problems: [], warnings: [] },
    };
    const engine = fakeEngine({
      'jobs.preflight': ({ recipe: wanted }) => {
        asked.push(wanted);
        if (wanted.verb !== 'fit' || wanted.threads === null) return foreseen;
        return wanted.threads === 7 ? { ...foreseen, seconds: null } : { ...foreseen, disks: [] };
      },
    });
    const fit = await planned(engine);
    const make = useMakeStore();
    const told = async (): Promise<string> => {
      await nextTick();
      await vi.waitFor(() => expect(make.foretold?.state).not.toBe('asking'));
      return runInWords(make);
    };
    expect(runInWords(make)).toBe('Making it takes about 1 s and 1 B of memory, and writes 1 B.');

    for (const samples of ['12', '1', '16']) {
      make.draft.samples = samples;
      await nextTick();
    }
    expect(runInWords(make)).toBe('Working out what it takes with the settings below…');
    expect(await told()).toBe(
      'With the settings below, making it takes about 40 s and 2.00 GiB of memory, and writes 1 B.',
    );
    expect(asked).toMatchObject([{ plan: 'q5_k_m', calibration: { samples: 16 }, target: planList.target }]);
    Object.assign(make.draft, { choice: 'best', importance: 'off' });
    expect(await told()).toBe(
      'With the settings below, making and measuring the best 3 takes about 40 s, 2.00 GiB of memory and up to 6.00 GB of disk. Losses are those with importance, which is off in the settings below.',
    );
    Object.assign(make.draft, { evaluate: false, importance: 'on' });
    expect(await told()).toMatch(/^With the settings below, making the best plan takes/);
    for (const threads of ['7', '8']) {
      make.draft.threads = threads;
      expect(await told()).toBe('What making it takes is told before it starts.');
    }
    fit.chosenId = 'source';
    expect(await told()).toBe(''); // nothing is made
    make.draft.threads = 'x';
    expect(await told()).toBe('First put right what is wrong in the settings below.');
    expect(asked).toHaveLength(5);

    fit.chosenId = null;
    Object.assign(make.draft, newRecipeDraft());
    expect(await told()).toMatch(/^Making it takes about 1 s/);
    expect(asked).toHaveLength(5);
  });

  it('passes on what the drawer says, and measures the best plans where that is wanted', async () => {
    const engine = fakeEngine();
    await planned(engine);
    const make = useMakeStore();
    chooseOutput.mockResolvedValue('/models/mine.gguf');
    Object.assign(make.draft, { choice: 'best', candidates: '2', samples: '8', seed: '7', windows: 'all' });
    await make.prepare();
    await make.start();
    expect(engine.jobs.at(-1)?.recipe).toMatchObject({
      plan: null,
      candidates: 2,
      calibration: { samples: 8, seed: 7 },
      evaluation: { windows: null },
    });
  });

  it('starts nothing with a field that is wrong, nor what was withdrawn', async () => {
    const answer = Promise.withResolvers<Preflight>();
    const engine = fakeEngine({ 'jobs.preflight': () => answer.promise });
    await planned(engine);
    const make = useMakeStore();
    chooseOutput.mockResolvedValue('/models/mine.gguf');
    make.draft.samples = 'many';
    await make.prepare();
    expect(chooseOutput).not.toHaveBeenCalled();
    make.draft.samples = '128';
    const preparing = make.prepare();
    await vi.waitFor(() => expect(make.preparation?.answer.state).toBe('asking'));
    make.withdraw();
    answer.resolve({ seconds: null, stages: {}, peakMemoryBytes: null, disks: [], problems: [], warnings: [] });
    await preparing;
    expect(make.preparation).toBeNull();
    await make.start();
    expect(engine.jobs).toHaveLength(1);
  });

  it('keeps what was prepared and says why it was refused', async () => {
    const refused = new AppError('DISK_FULL', 'No room.');
    const engine = fakeEngine();
    await planned(engine);
    const make = useMakeStore();
    chooseOutput.mockResolvedValue('/models/mine.gguf');
    await make.prepare();
    engine.refuseJobs(refused);
    await make.start();
    expect(make.preparation).toMatchObject({ answer: { state: 'failed', error: { code: 'DISK_FULL' } } });
  });
});
