// The History screen: its filter, the rows that were fetched, what is selected, and what is done with runs.
import { defineStore } from 'pinia';
import { computed, reactive, shallowRef } from 'vue';
import { csvOf } from '../../src-main/contract/history-csv.ts';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type {
  Comparison,
  DeletedFiles,
  Experiment,
  ExperimentDetail,
  ExperimentState,
  HistorySort,
} from '../../src-main/contract/history.ts';
import type { JobSnapshot } from '../../src-main/contract/job.ts';
import type { Recipe } from '../../src-main/contract/recipe.ts';
import { openInFit } from '../features/history/clone-into-fit.ts';
import { rowPages } from '../features/history/row-pages.ts';
import { rowOf, type RunRow } from '../features/history/run-row.ts';
import { nameOf } from '../features/model/model-path.ts';
import { useEngineStore } from './engine-store.ts';
import { useJobsStore } from './jobs-store.ts';
import { useNavigationStore } from './navigation-store.ts';
import { useStudiesStore } from './studies-store.ts';

export interface RunFilter {
  search: string;
  verb: string | null;
  state: ExperimentState | null;
  tag: string | null;
  sort: HistorySort;
  descending: boolean;
}

/** A dialog over the table, about these runs. */
export interface Question {
  about: 'tags' | 'files' | 'export';
  runs: readonly string[];
}

export interface UnfinishedRun {
  run: string;
  name: string;
  verb: string;
  state: ExperimentState;
  created: string;
}

/** Requests of this size take some ten milliseconds; rows beyond `keep` from the view wait until they are looked for. */
const pages = { pageSize: 100, keep: 20_000 };

/** The most that one answer has. */
const listPage = 1000;

export const useHistoryStore = defineStore('history', () => {
  const call = () => useEngineStore().connected().call;
  const jobs = useJobsStore();
  const filter = reactive<RunFilter>(newFilter());
  const selected = shallowRef<ReadonlyMap<string, RunRow>>(new Map());
  const tags = shallowRef<readonly string[]>([]);
  const kept = shallowRef<readonly UnfinishedRun[]>([]);
  const refusal = shallowRef<ErrorShape | null>(null);
  const question = shallowRef<Question | null>(null);
  const isFiltered = computed(() => JSON.stringify({ ...newFilter(), ...order() }) !== JSON.stringify(filter));
  /** Runs that can go on: those that no engine has, and those that were stopped in this one. */
  const unfinished = computed(() => {
    const own = jobs.runs.filter(({ job }) => job.state === 'paused' || job.state === 'interrupted').map(unfinishedJob);
    return [...own, ...kept.value.filter(({ run }) => !jobs.jobs.has(run))];
  });

  /** The filter of the rows in view: what is being typed is another list only once it is loaded. */
  let asked: RunFilter = { ...filter };
  const { rows, total, open, refresh, look } = rowPages<RunRow>(async (offset, limit) => {
    const withoutPlans = asked.verb === null;
    const list = await call()['history.list']({ ...asked, withoutPlans, offset, limit });
    return { rows: list.experiments.map(rowOf), total: list.total };
  }, pages);

  function order(): Pick<RunFilter, 'sort' | 'descending'> {
    return { sort: filter.sort, descending: filter.descending };
  }

  /** The list of the filter as it is now. */
  const load = (): Promise<void> =>
    refusable(async () => {
      asked = { ...filter };
      await Promise.all([open(), loadAround()]);
    });

  /** The same list after something changed. */
  const reload = (): Promise<void> => refusable(async () => void (await Promise.all([refresh(), loadAround()])));

  async function loadAround(): Promise<void> {
    const [list, known] = await Promise.all([call()['history.unfinished']({}), call()['history.tags']({})]);
    kept.value = list.experiments
      .filter(({ verb }) => verb !== 'plan')
      .map(({ run, model, verb, state, created }) => ({ run, name: nameOf(model), verb, state, created }));
    tags.value = known.tags;
  }

  function clearFilter(): void {
    Object.assign(filter, { ...newFilter(), ...order() });
  }

  /** The same column again turns the order round. */
  function sortBy(sort: HistorySort): void {
    const isSame = filter.sort === sort;
    const rises = sort === 'model' || sort === 'method' || sort === 'loss' || sort === 'device';
    Object.assign(filter, { sort, descending: isSame ? !filter.descending : !rises });
  }

  function toggle(row: RunRow): void {
    const next = new Map(selected.value);
    if (!next.delete(row.run)) next.set(row.run, row);
    selected.value = next;
  }

  function select(wanted: readonly RunRow[]): void {
    selected.value = new Map(wanted.map((row) => [row.run, row]));
  }

  const detail = (run: string): Promise<ExperimentDetail> => call()['history.get']({ run });

  const compare = (runs: readonly string[]): Promise<Comparison> => call()['history.compare']({ runs: [...runs] });

  async function tag(runs: readonly string[], name: string, remove = false): Promise<void> {
    await refusable(async () => {
      for (const run of runs) await call()['history.tag']({ run, tag: name, remove });
    });
    void reload();
  }

  async function note(run: string, text: string): Promise<void> {
    await refusable(async () => void (await call()['history.note']({ run, note: text })));
  }

  async function deleteFiles(runs: readonly string[]): Promise<DeletedFiles[]> {
    const answers: DeletedFiles[] = [];
    for (const run of runs) answers.push(await call()['history.deleteFiles']({ run }));
    void reload();
    return answers;
  }

  /** Takes up a run; it is then shown among the runs. */
  const resume = (run: string): Promise<void> =>
    refusable(async () => {
      await jobs.resume(run);
      useNavigationStore().go('runs', { run });
    });

  /** The recipe of a run with these changes. @throws USAGE for that of another version, and for what is no such setting */
  async function recipeOf(run: string, set: Record<string, string> = {}): Promise<Recipe> {
    const { recipe } = await call()['history.clone']({ run, set });
    return recipe;
  }

  /** Opens the settings of a run, to be changed: a fit in the Fit area, a study in its own, everything else as fields. */
  const clone = (run: string, verb: string): Promise<void> =>
    refusable(async () => {
      if (verb === 'study') return useStudiesStore().clone(run);
      if (verb !== 'fit') return useNavigationStore().go('history', { clone: run });
      const recipe = await recipeOf(run);
      if (recipe.verb !== 'fit') return;
      useNavigationStore().go('fit');
      await openInFit(run, recipe);
    });

  /** Starts a run with the settings of another one. */
  async function startClone(run: string, recipe: Recipe): Promise<void> {
    const id = await jobs.start(recipe, run);
    useNavigationStore().go('runs', { run: id });
  }

  const copy = (runs: readonly string[], format: 'CSV' | 'JSON'): Promise<void> =>
    refusable(async () => {
      const details = await Promise.all(runs.map(detail));
      await window.app.copyText(format === 'CSV' ? csvOf(details).join('\n') : JSON.stringify(details, null, 2));
    });

  /** All runs that the filter finds, in the order in view, as a file; null where the user backs out. */
  const saveList = (format: 'CSV' | 'JSON'): Promise<string | null> =>
    attempt(async () => {
      const experiments: Experiment[] = [];
      const withoutPlans = asked.verb === null;
      for (let total = 1; experiments.length < total;) {
        const page = { ...asked, withoutPlans, offset: experiments.length, limit: listPage };
        const list = await call()['history.list'](page);
        experiments.push(...list.experiments);
        total = list.experiments.length === 0 ? 0 : list.total;
      }
      const text = format === 'CSV' ? `${csvOf(experiments).join('\n')}\n` : JSON.stringify({ experiments }, null, 2);
      return window.app.saveText(`runs.${format.toLowerCase()}`, text);
    });

  /** null where it was refused, which is then told. */
  async function attempt<T>(action: () => Promise<T>): Promise<T | null> {
    refusal.value = null;
    try {
      return await action();
    } catch (error) {
      refusal.value = AppError.from(error).toShape();
      return null;
    }
  }

  const refusable = async (action: () => Promise<void>): Promise<void> => void (await attempt(action));

  const state = { filter, isFiltered, rows, total, selected, tags, unfinished, refusal, question };
  const actions = { load, reload, look, clearFilter, sortBy, toggle, select, detail, compare, tag, note, deleteFiles };
  return { ...state, ...actions, resume, recipeOf, clone, startClone, copy, saveList, attempt };
});

function newFilter(): RunFilter {
  return { search: '', verb: null, state: null, tag: null, sort: 'created', descending: true };
}

const unfinishedJob = ({ id, recipe, created, job }: JobSnapshot): UnfinishedRun => ({
  ...{ run: id, name: nameOf(recipe.model), verb: recipe.verb, state: job.state, created },
});
