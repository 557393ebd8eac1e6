// What can be done with a run or several: the same list in the row's menu, above the table, and on the run's own page.
import { isResumable } from '../../../src-main/contract/job.ts';
import { useHistoryStore } from '../../stores/history-store.ts';
import { useNavigationStore } from '../../stores/navigation-store.ts';
import { useRecipesStore } from '../../stores/recipes-store.ts';
import { useWords } from '../../words/words.ts';
import { makesNoModel } from '../export/exported-run.ts';
import type { RunRow } from './run-row.ts';

export interface RunAction {
  id: string;
  /** Of a menu: a line stands between two groups. */
  group: 'run' | 'copy' | 'files';
  title: string;
  key?: string;
  run: () => unknown;
}

/** As much of a run as its actions need. */
export type ActionRun = Pick<RunRow, 'run' | 'verb' | 'state' | 'presentFile'>;

export function useRunActions(told: (text: string) => void): (run: ActionRun) => RunAction[] {
  const words = useWords();
  const history = useHistoryStore();
  const navigation = useNavigationStore();
  const recipes = useRecipesStore();
  const fileActions = useFileActions();

  async function copy(run: string, format: 'CSV' | 'JSON'): Promise<void> {
    await history.copy([run], format);
    if (history.refusal === null) told(words.history.copied(1, format));
  }

  async function saveRecipe(run: string): Promise<void> {
    const file = await history.attempt(() => recipes.save(run));
    if (file !== null) told(words.history.saved(file));
  }

  return (row) => {
    const { run, verb, state } = row;
    const { history: say } = words;
    const studied: RunAction[] =
      verb === 'study'
        ? [
            {
              id: 'rows',
              group: 'run',
              title: words.studies.actions.showRows,
              run: () => navigation.go('studies', { run }),
            },
          ]
        : [];
    const report: RunAction = {
      ...{ id: 'report', group: 'run', title: say.report },
      run: () => navigation.go('runs', { run }),
    };
    const stopped: RunAction[] =
      verb !== 'plan' && isResumable({ state })
        ? [{ id: 'resume', group: 'run', title: words.runs.resume, run: () => history.resume(run) }]
        : [];
    return [
      { id: 'open', group: 'run', title: say.open, key: 'Enter', run: () => navigation.go('history', { run }) },
      ...(state === 'done' ? [report] : []),
      ...stopped,
      ...studied,
      { id: 'clone', group: 'run', title: say.clone, run: () => history.clone(run, verb) },
      { id: 'tags', group: 'run', title: say.tagRun, run: () => (history.question = { about: 'tags', runs: [run] }) },
      { id: 'recipe', group: 'run', title: say.recipes.save, run: () => saveRecipe(run) },
      { id: 'csv', group: 'copy', title: say.copyCsv, run: () => copy(run, 'CSV') },
      { id: 'json', group: 'copy', title: say.copyJson, run: () => copy(run, 'JSON') },
      ...fileActions(row),
    ];
  };
}

/** Of what a run made, while it is there. */
function useFileActions(): (run: ActionRun) => RunAction[] {
  const words = useWords();
  const history = useHistoryStore();

  return ({ run, verb, presentFile }) => {
    if (presentFile === null) return [];
    const { history: say } = words;
    const ask = (about: 'export' | 'files') => (): void => void (history.question = { about, runs: [run] });
    const actions: RunAction[] = [
      { id: 'export', group: 'files', title: say.exportTo, run: ask('export') },
      { id: 'folder', group: 'files', title: say.showInFolder, run: () => window.app.showInFolder(presentFile) },
      { id: 'delete', group: 'files', title: say.deleteFiles, key: 'Delete', run: ask('files') },
    ];
    return actions.filter(({ id }) => id !== 'export' || !makesNoModel(verb));
  };
}

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
