// The Studies screen: which study of which model is asked for, what it will take, and the studies so far.
import { defineStore } from 'pinia';
import { computed, reactive, shallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type { Experiment } from '../../src-main/contract/history.ts';
import type { StudyKind, StudyRecipe } from '../../src-main/contract/recipe.ts';
import { useAskedStart } from '../features/preflight/use-asked-start.ts';
import { draftOf, newStudyDraft, readStudy, usualOf, type StudyInput } from '../features/studies/study-draft.ts';
import { useEngineStore } from './engine-store.ts';
import { useJobsStore } from './jobs-store.ts';
import { useNavigationStore } from './navigation-store.ts';
import { useOpenedModel } from './opened-model.ts';

/** Studies that are listed; older ones are in the history. */
const mostListed = 100;

export const useStudiesStore = defineStore('studies', () => {
  const call = () => useEngineStore().connected().call;
  const draft = reactive(newStudyDraft('sparsity'));
  const { model, reading, read: open, stopReading } = useOpenedModel();
  /** The study whose settings these were: what is started next is kept as its clone. */
  const source = shallowRef<{ run: string; recipe: StudyRecipe } | null>(null);
  const list = shallowRef<{ experiments: readonly Experiment[]; total: number } | null>(null);
  const refusal = shallowRef<ErrorShape | null>(null);
  const { preparation, ask, start, withdraw } = useAskedStart(begin);

  const readDraft = computed(() => readStudy(draft, source.value?.recipe ?? null));
  /** Why the open model cannot be studied like this, in the engine's words; null where it can. */
  const obstacle = computed(() => {
    if (model.value.state !== 'open') return null;
    const { slicePerBlock, sliceShared } = model.value.inspection.can;
    const ability = draft.method === 'shared' ? sliceShared : slicePerBlock;
    return ability === true ? null : ability;
  });
  const canStart = computed(
    () => model.value.state === 'open' && readDraft.value.problems === null && obstacle.value === null,
  );

  function close(): void {
    model.value = { state: 'none' };
  }

  /** Opens what a dialog of the system answers with. */
  async function choose(kind: 'file' | 'folder'): Promise<void> {
    const path = await (kind === 'file' ? window.app.chooseModel() : window.app.chooseModelFolder());
    if (path !== null) await open(path);
  }

  const openSample = (): Promise<void> => refusable(async () => void (await open((await call().sample({})).model)));

  /** Another study; texts and device stay, and so does the model. */
  function pick(kind: StudyKind): void {
    if (kind === draft.kind) return;
    source.value = null;
    Object.assign(draft, usualOf(kind));
  }

  function reset(): void {
    source.value = null;
    Object.assign(draft, newStudyDraft(draft.kind));
  }

  /** The settings of a kept study, to be changed; where its model cannot be read and another one is open, those of that stay. */
  const clone = (run: string): Promise<void> =>
    refusable(async () => {
      const { recipe } = await call()['history.clone']({ run });
      if (recipe.verb !== 'study') return;
      useNavigationStore().go('studies');
      if (!(await open(recipe.model)) && model.value.state !== 'failed') return;
      Object.assign(draft, draftOf(recipe));
      source.value = { run, recipe };
    });

  async function prepare(): Promise<void> {
    const { settings } = readDraft.value;
    if (model.value.state !== 'open' || settings === null) return;
    await ask({ recipe: { ...settings, model: model.value.path } });
  }

  async function begin({ recipe }: { recipe: StudyInput }): Promise<void> {
    const run = await useJobsStore().start(recipe, source.value?.run ?? null);
    source.value = null;
    useNavigationStore().go('studies', { run });
  }

  /** Takes up a study that was stopped, and shows it. */
  const resume = (run: string): Promise<void> =>
    refusable(async () => {
      await useJobsStore().resume(run);
      useNavigationStore().go('studies', { run });
    });

  const load = (): Promise<void> =>
    refusable(async () => {
      list.value = await call()['history.list']({ verb: 'study', limit: mostListed });
    });

  async function refusable(action: () => Promise<void>): Promise<void> {
    refusal.value = null;
    try {
      await action();
    } catch (error) {
      refusal.value = AppError.from(error).toShape();
    }
  }

  const state = { draft, model, reading, source, preparation, list, refusal, readDraft, obstacle, canStart };
  const actions = {
    open,
    stopReading,
    close,
    choose,
    openSample,
    pick,
    reset,
    clone,
    prepare,
    withdraw,
    start,
    resume,
    load,
  };
  return { ...state, ...actions };
});
