// What can be done with a run or several: the same list in the row's menu, above the table, and on the run's own page.
import { isResumable } from '../../../src-main/contract/job.ts';
import { useHistoryStore, type Question } from '../../stores/history-store.ts';
import { useNavigationStore } from '../../stores/navigation-store.ts';
import { useRecipesStore } from '../../stores/recipes-store.ts';
import { useWords } from '../../words/words.ts';
import type { MenuAction } from '../../ui/menu-action.ts';
import { makesNoModel } from '../export/exported-run.ts';
import type { RunRow } from './run-row.ts';

export interface RunAction extends MenuAction {
  group: 'run' | 'copy' | 'files';
}

/** As much of a run as its actions need. */
export type ActionRun = Pick<RunRow, 'run' | 'verb' | 'state' | 'presentFile'>;

export function useRunActions(told: (text: string) => void): (run: ActionRun) => RunAction[] {
  const words = useWords();
  const history = useHistoryStore();
  const navigation = useNavigationStore();
  const recipes = useRecipesStore();

  async function copy(run: string, format: 'CSV' | 'JSON'): Promise<void> {
    await history.copy([run], format);
    if (history.refusal === null) told(words.history.copied(1, format));
  }

  async function saveRecipe(run: string): Promise<void> {
    const file = await history.attempt(() => recipes.save(run));
    if (file !== null) told(words.history.saved(file));
  }

  const ask = (about: Question['about'], run: string) => () => (history.question = { about, runs: [run] });

  return ({ run, verb, state, presentFile }) => {
    const { history: say, runs, studies } = words;
    const goesOn = verb !== 'plan' && isResumable({ state });
    return [
      { id: 'open', group: 'run', title: say.open, key: 'Enter', run: () => navigation.go('history', { run }) },
      ...only(state === 'done', {
        ...{ id: 'report', group: 'run', title: say.report },
        run: () => navigation.go('runs', { run }),
      }),
      ...only(goesOn, { id: 'resume', group: 'run', title: runs.resume, run: () => history.resume(run) }),
      ...only(verb === 'study', {
        ...{ id: 'rows', group: 'run', title: studies.actions.showRows },
        run: () => navigation.go('studies', { run }),
      }),
      { id: 'clone', group: 'run', title: say.clone, run: () => history.clone(run, verb) },
      { id: 'tags', group: 'run', title: say.tagRun, run: ask('tags', run) },
      { id: 'recipe', group: 'run', title: say.recipes.save, run: () => saveRecipe(run) },
      { id: 'csv', group: 'copy', title: say.copyCsv, run: () => copy(run, 'CSV') },
      { id: 'json', group: 'copy', title: say.copyJson, run: () => copy(run, 'JSON') },
      ...(presentFile === null ? [] : withFile(presentFile, run, verb)),
    ];
  };

  function withFile(file: string, run: string, verb: string): RunAction[] {
    const { exportTo, showInFolder, deleteFiles } = words.history;
    return [
      ...only(!makesNoModel(verb), { id: 'export', group: 'files', title: exportTo, run: ask('export', run) }),
      { id: 'folder', group: 'files', title: showInFolder, run: () => window.app.showInFolder(file) },
      {
        ...{ id: 'delete', group: 'files', title: deleteFiles, key: 'Delete', isCareful: true },
        run: ask('files', run),
      },
    ];
  }
}

const only = (isThere: boolean, action: RunAction): RunAction[] => (isThere ? [action] : []);

/** What one comes to a run's own page for, the first of them first; it shows the run and its tags itself. */
const asButtons = ['report', 'resume', 'rows', 'clone', 'export'];
const onThePage = ['open', 'tags'];

/** On a run's own page: a few as buttons, of which the first is the primary one, the rest in a menu. */
export function partedActions(actions: readonly RunAction[]): { buttons: RunAction[]; rest: RunAction[] } {
  return {
    buttons: asButtons.flatMap((wanted) => actions.filter(({ id }) => id === wanted)),
    rest: actions.filter(({ id }) => !asButtons.includes(id) && !onThePage.includes(id)),
  };
}
