// From the chosen plan to a run: the settings of its recipe, where the file goes, what it will take, and the start.
import { defineStore } from 'pinia';
import { computed, reactive, shallowRef, watch } from 'vue';
import type { z } from 'zod';
import { isHubAddress } from '../../src-main/contract/hub-address.ts';
import type { Plan } from '../../src-main/contract/plan.ts';
import type { fitRecipe, SliceRecipe } from '../../src-main/contract/recipe.ts';
import type { TextList } from '../../src-main/contract/results.ts';
import { newRecipeDraft, perBlockRecipe, readRecipeDraft, slicingOf } from '../features/advanced/recipe-draft.ts';
import { suggestOutput } from '../features/model/model-path.ts';
import { usesSource } from '../features/plans/plan-view.ts';
import { useForetold } from '../features/preflight/use-foretold.ts';
import { useAskedStart } from '../features/preflight/use-asked-start.ts';
import { useEngineStore } from './engine-store.ts';
import { useFitStore, type PlanQuestion } from './fit-store.ts';
import { useJobsStore } from './jobs-store.ts';
import { useNavigationStore } from './navigation-store.ts';
import { usePreferencesStore } from './preferences-store.ts';
import { singly } from './singly.ts';

type FitInput = z.input<typeof fitRecipe>;

export const useMakeStore = defineStore('make', () => {
  const fit = useFitStore();
  const preferences = usePreferencesStore();
  const draft = reactive(newRecipeDraft(preferences.settings));
  const readSettings = computed(() => readRecipeDraft(draft));
  /** The run whose settings these were: what is made of its model next is kept as its clone. */
  const source = shallowRef<{ run: string; model: string } | null>(null);
  /** What plans are asked for: what the form says, and what of the settings decides which there are; null where the form is wrong. */
  const question = computed<PlanQuestion | null>(() => {
    const { target } = fit.readTarget;
    const { methods, orientation } = slicingOf(draft);
    return target && { target, methods, orientation };
  });
  const texts = shallowRef<TextList['texts']>([]);
  /** For a run that writes nothing: beside its model it may not be allowed to, and a hub is no folder. */
  const idleFolder = computed(() => preferences.state?.folders.userData ?? null);
  /** The run of the chosen plan, with a place for its file; null where there is no plan or a setting is wrong. */
  const wish = computed<{ plan: Plan; recipe: FitInput } | null>(() => {
    const { plans, chosen, model } = fit;
    const { settings } = readSettings.value;
    if (model.state !== 'open' || plans === null || chosen === null || settings === null) return null;
    const writes = !usesSource(chosen);
    const plan = draft.choice === 'plan' || !writes ? chosen.id : null;
    const folder = writes ? preferences.settings.outputsFolder : idleFolder.value;
    const output = suggestOutput(model.path, { what: typeOf(chosen), ending: 'gguf' }, folder);
    const { target } = plans;
    return {
      plan: chosen,
      recipe: { verb: 'fit', ...settings, model: model.path, target, plan, output, force: writes },
    };
  });
  /** The settings are those that plans are estimated with. Device, memory and network decide nothing of an estimate. */
  const isAsPlanned = computed(() => {
    const usual = readRecipeDraft(newRecipeDraft(preferences.settings)).settings;
    return draft.choice === 'plan' && JSON.stringify(readSettings.value.settings) === JSON.stringify(usual);
  });
  /** What the wish takes; null where the plan itself says it, and where nothing is made. */
  const foretold = useForetold(() =>
    wish.value === null || isAsPlanned.value || usesSource(wish.value.plan) ? null : wish.value.recipe,
  );
  const { preparation, ask, start, withdraw } = useAskedStart(begin);

  // What was set for every run follows the settings until it is changed for this one.
  watch(
    () => preferences.settings,
    (now, before) => {
      const [old, fresh] = [newRecipeDraft(before), newRecipeDraft(now)];
      if (draft.device === old.device) draft.device = fresh.device;
      if (draft.maxMemory === old.maxMemory) draft.maxMemory = fresh.maxMemory;
      if (draft.offline === old.offline) draft.offline = fresh.offline;
    },
  );

  // The settings of a run were set for its model. While another one is read, or none is open, nothing is decided.
  watch(
    () => (fit.model.state === 'open' ? fit.model.path : null),
    (path) => {
      if (path !== null && source.value !== null && path !== source.value.model) dropClone();
    },
  );

  /** Back to the settings that every run begins with; what is made then is no clone. */
  function dropClone(): void {
    source.value = null;
    Object.assign(draft, newRecipeDraft(preferences.settings));
  }

  /** The bundled texts, to choose from. */
  async function loadTexts(): Promise<void> {
    const list = await useEngineStore().connected().call.texts({});
    ({ texts: texts.value } = list);
  }

  /**
   * The user names the file, and the dialog has asked before it replaces one; then it is told what the run will take.
   * A plan that uses the source writes nothing, so there is nothing to ask.
   */
  async function prepare(): Promise<void> {
    if (wish.value === null) return;
    const { plan, recipe } = wish.value;
    const output = usesSource(plan) ? recipe.output : await window.app.chooseOutput(recipe.output);
    if (output !== null) await ask({ plan, recipe: { ...recipe, output } });
  }

  async function begin({ recipe }: { plan: Plan; recipe: FitInput }): Promise<void> {
    const run = await useJobsStore().start(recipe, source.value?.run ?? null);
    useNavigationStore().go('runs', { run });
  }

  /** A slice block by block of the open model, which no plan is: what it makes is no GGUF. */
  function blocksRecipe(): SliceRecipe | null {
    const { model } = fit;
    const { settings } = readSettings.value;
    if (model.state !== 'open' || settings === null) return null;
    const beside = isHubAddress(model.path) ? idleFolder.value : null;
    const folder = preferences.settings.outputsFolder ?? beside;
    const output = suggestOutput(model.path, { what: 'sliced', ending: 'onnx' }, folder);
    return perBlockRecipe(model.path, output, settings);
  }

  /** Downloads a model as it is, and goes to see it come. */
  const download = singly((model: string) =>
    fit.refusable(async () => {
      const run = await useJobsStore().start({ verb: 'download', model });
      useNavigationStore().go('runs', { run });
    }),
  );

  const state = { draft, source, readSettings, question, wish, foretold, preparation, texts };
  return { ...state, dropClone, loadTexts, prepare, start, blocksRecipe, download, withdraw };
});

/** What a plan's file name says of it: `Q4_K_M`, `slice-512.Q4_K_M`. */
function typeOf({ steps }: Plan): string {
  const slice = steps.find((step) => step.method === 'slice');
  const quantize = steps.find((step) => step.method === 'quantize');
  const parts = [slice ? `slice-${slice.width}` : '', quantize?.type ?? ''].filter((part) => part !== '');
  return parts.length > 0 ? parts.join('.') : 'snug';
}
