// @vitest-environment node
// Whole components as the page first shows them, by their markup: the primary button, lines that come and go.
import { TooltipProvider } from 'reka-ui';
import { createPinia, setActivePinia, type Pinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createSSRApp, h, type Component } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { AppError } from '../../src-main/contract/errors.ts';
import type { JobEvent } from '../../src-main/contract/job.ts';
import { fitRecipe, sliceRecipe } from '../../src-main/contract/recipe.ts';
import FitPage from '../../src-renderer/features/fit/FitPage.vue';
import FrontChart from '../../src-renderer/features/front/FrontChart.vue';
import FrontKey from '../../src-renderer/features/front/FrontKey.vue';
import { pointsOf } from '../../src-renderer/features/front/front-view.ts';
import { openInFit } from '../../src-renderer/features/history/clone-into-fit.ts';
import ImportForm from '../../src-renderer/features/history/ImportForm.vue';
import ModelsPage from '../../src-renderer/features/models/ModelsPage.vue';
import PlanChoice from '../../src-renderer/features/plans/PlanChoice.vue';
import RunsPage from '../../src-renderer/features/runs/RunsPage.vue';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useFitStore } from '../../src-renderer/stores/fit-store.ts';
import { useJobsStore } from '../../src-renderer/stores/jobs-store.ts';
import { useMakeStore } from '../../src-renderer/stores/make-store.ts';
import { useModelsStore } from '../../src-renderer/stores/models-store.ts';
import { planFor } from '../support/plans.ts';
import { fakeEngine, planList } from './fake-engine.ts';

let pinia: Pinia;
beforeEach(() => setActivePinia((pinia = createPinia())));

const shown = (component: Component, props: object = {}): Promise<string> =>
  renderToString(createSSRApp({ render: () => h(TooltipProvider, () => h(component, props)) }).use(pinia));

/** What the primary buttons say. */
const primaryIn = (html: string): string[] =>
  [...html.matchAll(/<button[^>]*class="[^"]*\bprimary\b[^"]*"[^>]*>([^<]*)/g)].map(([, text]) => text!.trim());

describe('a run that ended before it was done', () => {
  it.each<[name: string, event: JobEvent, button: string]>([
    ['failed', { type: 'failed', error: new AppError('DISK_FULL', 'Full.').toShape() }, 'Try again'],
    ['was paused', { type: 'paused' }, 'Resume'],
    ['was cancelled', { type: 'cancelled' }, 'Resume'],
  ])('that %s has the way on as its primary button', async (_name, event, button) => {
    const engine = fakeEngine();
    await useEngineStore().start(engine.open);
    const jobs = useJobsStore();
    const id = await jobs.start({ verb: 'evaluate', model: '/m.gguf' });
    for (const one of [{ type: 'started' } as const, event]) engine.send(id, one);
    await vi.waitFor(() => expect(jobs.jobs.get(id)?.job.state).toBe(event.type));
    expect(primaryIn(await shown(RunsPage))).toEqual([button]);
  });
});

describe('a clone in the Fit area', () => {
  const recipe = fitRecipe.parse({
    ...{ verb: 'fit', model: '/m.gguf', target: { kind: 'file', bytes: 5e9 }, output: '/o.gguf', plan: 'source' },
    calibration: { samples: 7 },
  });

  it('is said with its run, until it is dropped or another model is opened', async () => {
    await useEngineStore().start(fakeEngine().open);
    const make = useMakeStore();
    await openInFit('abc123', recipe);
    expect(make).toMatchObject({ source: { run: 'abc123' }, draft: { samples: '7' } });
    expect(await shown(FitPage)).toMatch(/Settings of run.*<button[^>]*>abc123</);
    make.dropClone();
    expect(await shown(FitPage)).not.toContain('Settings of run');
    expect(make).toMatchObject({ source: null, draft: { samples: '128' } });

    await openInFit('abc123', recipe);
    await useFitStore().open('/other.gguf');
    await vi.waitFor(() => expect(make.source).toBeNull());
    expect(make.draft.samples).toBe('128'); // the settings were that model's
  });

  it('goes on after a start: what is made next with the same settings is its clone too', async () => {
    const engine = fakeEngine();
    await useEngineStore().start(engine.open);
    const [fit, make] = [useFitStore(), useMakeStore()];
    await openInFit('abc123', recipe);
    await fit.plan(make.question!);
    engine.send('job-1', { type: 'started' });
    engine.send('job-1', { type: 'finished', result: { verb: 'plan', value: planList } });
    await vi.waitFor(() => expect(fit.chosen?.id).toBe('source'));
    await make.prepare();
    await make.start();
    expect(engine.jobs.at(-1)?.recipe).toMatchObject({ verb: 'fit', calibration: { samples: 7 } });
    expect(make).toMatchObject({ source: { run: 'abc123' }, draft: { samples: '7' } });
  });
});

describe('the settings of a fit', () => {
  it('stay in view with the open model, after planning failed and while it is tried again', async () => {
    const engine = fakeEngine();
    await useEngineStore().start(engine.open);
    const [fit, make] = [useFitStore(), useMakeStore()];
    await fit.open('/m.gguf');
    await fit.plan(make.question!);
    engine.send('job-1', { type: 'started' });
    engine.send('job-1', { type: 'failed', error: new AppError('DISK_FULL', 'Full.').toShape() });
    await vi.waitFor(() => expect(fit.planning?.state).toBe('failed'));
    const settings = 'class="advanced"';
    expect(await shown(FitPage)).toContain(settings);
    await vi.waitFor(() => expect(fit.planning?.state).toBe('queued')); // the page has asked again
    expect(await shown(FitPage)).toContain(settings);
  });
});

describe('a recipe that the Fit area begins with', () => {
  it.each([true, false])('says that it leaves the limit of memory, where there is one: %s', async (leavesLimit) => {
    const recipe = sliceRecipe.parse({ verb: 'slice', model: '/m.gguf', output: '/m.onnx', method: 'per-block' });
    const lead = await shown(ImportForm, { imported: { file: null, recipe, leavesLimit } });
    expect(lead).toContain('Begun with the settings of the Fit area.');
    expect(lead.includes('knows no limit of memory')).toBe(leavesLimit);
  });
});

describe('a plan that keeps layers on the CPU', () => {
  const steps = [{ method: 'cpu-layers', layers: 9, gpuLayers: 4, flag: '' } as const];

  it('is said in its row, at its point and in the key of the chart', async () => {
    const plan = planFor('split', { steps });
    const row = (of: typeof plan): Promise<string> =>
      shown(PlanChoice, { plan: of, target: planList.target, group: 'g', isChosen: false });
    expect(await row(plan)).toContain('answers slower');
    expect(await row(planFor('q4_k_m'))).not.toContain('answers slower');
    expect(await shown(FrontKey, { hasSlices: false, hasPartsOnCpu: false })).not.toContain('partly on the CPU');
    vi.stubGlobal('ResizeObserver', vi.fn());
    const list = { ...planList, plans: [...planList.plans, plan] };
    const chart = await shown(FrontChart, { list, points: pointsOf(list), chosenId: 'q5_k_m' });
    expect(chart).toContain('partly on the CPU');
    expect(chart).toMatch(/aria-label="[^"]*9 layers on the CPU: [^"]* 9 of 12 layers run on the CPU/);
    vi.unstubAllGlobals();
  });
});

describe('the models', () => {
  const made = (present: boolean, heldAt: string | null) => ({
    ...{ path: '/made.gguf', bytes: 10, present, heldAt, parent: null, loss: null, runs: 0, seen: '2026-01-01' },
    madeBy: { run: 'a', verb: 'fit', method: null },
  });

  it('count a made one that only an export has, and count nothing where all are gone', async () => {
    const store = useModelsStore();
    store.library = { models: [made(false, '/runner/made.gguf')], madeBytes: 10 };
    const held = await shown(ModelsPage);
    expect(held).toContain('1 model made from');
    expect(held).toContain('exported');
    store.library = { models: [made(false, null)], madeBytes: 0 };
    expect(await shown(ModelsPage)).not.toContain('made from 0');
  });
});
