// @vitest-environment node
// The drawer's method: it decides which plans are asked for, and what no plan is begins as a recipe of its own.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';
import { fitRecipe } from '../../src-main/contract/recipe.ts';
import { usualSettings } from '../../src-main/contract/settings.ts';
import { openInFit } from '../../src-renderer/features/history/clone-into-fit.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useFitStore } from '../../src-renderer/stores/fit-store.ts';
import { useJobsStore } from '../../src-renderer/stores/jobs-store.ts';
import { useMakeStore } from '../../src-renderer/stores/make-store.ts';
import { useNavigationStore } from '../../src-renderer/stores/navigation-store.ts';
import { usePreferencesStore } from '../../src-renderer/stores/preferences-store.ts';
import { useRecipesStore } from '../../src-renderer/stores/recipes-store.ts';
import { fakeEngine, inspection } from './fake-engine.ts';

beforeEach(async () => {
  setActivePinia(createPinia());
  await useEngineStore().start(fakeEngine().open);
  await useFitStore().open(inspection.path);
});

describe('the method of a fit', () => {
  it('is of the question for plans: another one is another question, and a precision is none', async () => {
    const [fit, make] = [useFitStore(), useMakeStore()];
    await fit.plan(make.question!);
    expect(fit.isPlannedFor(make.question!)).toBe(true);
    make.draft.precision = 'fp32';
    expect(fit.isPlannedFor(make.question!)).toBe(true);
    Object.assign(make.draft, { methods: 'slice', orientation: 'random' });
    expect(fit.isPlannedFor(make.question!)).toBe(false);
    await fit.plan(make.question!);
    const asked = [...useJobsStore().jobs.values()].map(({ recipe }) => recipe);
    expect(asked.at(-1)).toMatchObject({ verb: 'plan', methods: 'slice', orientation: 'random' });
    expect(fit.isPlannedFor(make.question!)).toBe(true);
  });

  it('comes back with a clone', async () => {
    const wishes = { methods: 'slice', precision: 'fp32', orientation: 'pca' };
    const target = { kind: 'file', bytes: 5e9 };
    await openInFit(
      'run',
      fitRecipe.parse({ verb: 'fit', model: inspection.path, target, output: '/o.gguf', ...wishes }),
    );
    expect(useMakeStore().draft).toMatchObject(wishes);
    expect(useMakeStore().readSettings.settings).toMatchObject(wishes);
  });

  it('that is no plan is a recipe to be looked over, and starts nothing', () => {
    Object.assign(useMakeStore().draft, { samples: '16', precision: 'fp32' });
    useRecipesStore().propose(useMakeStore().blocksRecipe()!, { leavesLimit: false });
    expect(useNavigationStore().area).toBe('history');
    expect(useRecipesStore().imported).toMatchObject({
      file: null,
      recipe: {
        verb: 'slice',
        method: 'per-block',
        model: inspection.path,
        precision: 'fp32',
        calibration: { samples: 16 },
      },
    });
    expect(useJobsStore().jobs.size).toBe(0);
    expect(JSON.stringify(useRecipesStore().imported)).toContain('.sliced.onnx');
  });

  it('is suggested beside its model, of a hub in the user data, and in the folder for outputs where one is set', async () => {
    const folders = { userData: '/home/snug', models: '/models' };
    const preferences = usePreferencesStore();
    preferences.state = {
      ...{ settings: usualSettings, folders, hubEndpoint: '', statisticsUsedBytes: 0 },
      overrides: { hubEndpoint: false, offline: false },
    };
    const make = useMakeStore();
    expect(make.blocksRecipe()?.output).toBe('/models/sample.sliced.onnx');
    await useFitStore().open('hub:o/n');
    expect(make.blocksRecipe()?.output).toBe('/home/snug/n.sliced.onnx');
    preferences.state = { ...preferences.state, settings: { ...usualSettings, outputsFolder: '/made' } };
    expect(make.blocksRecipe()?.output).toBe('/made/n.sliced.onnx');
  });
});
