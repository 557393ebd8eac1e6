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

  async function copy(run: string, format: 'CSV' | 'JSON'): Promise<void> {
    await history.copy([run], format);
    if (history.refusal === null) told(words.history.copied(1, format));
  }

  async function saveRecipe(run: string): Promise<void> {
    const file = await history.attempt(() => recipes.save(run));
    if (file !== null) told(words.history.saved(file));
  }

  return ({ run, verb, state, presentFile }) => {
    const { history: say } = words;
    const withFile: RunAction[] =
      presentFile === null
        ? []
        : [
            ...(makesNoModel(verb)
              ? []
              : [
                  {
                    id: 'export',
                    title: say.exportTo,
                    run: () => (history.question = { about: 'export' as const, runs: [run] }),
                  },
                ]),
            { id: 'folder', title: say.showInFolder, run: () => window.app.showInFolder(presentFile) },
            {
              id: 'delete',
              title: say.deleteFiles,
              key: 'Delete',
              run: () => (history.question = { about: 'files', runs: [run] }),
            },
          ];
    const studied: RunAction[] =
      verb === 'study'
        ? [{ id: 'rows', title: words.studies.actions.showRows, run: () => navigation.go('studies', { run }) }]
        : [];
    const stopped: RunAction[] =
      verb !== 'plan' && isResumable({ state })
        ? [{ id: 'resume', title: words.runs.resume, run: () => history.resume(run) }]
        : [];
    return [
      { id: 'open', title: say.open, key: 'Enter', run: () => navigation.go('history', { run }) },
      ...(state === 'done' ? [{ id: 'report', title: say.report, run: () => navigation.go('runs', { run }) }] : []),
      ...stopped,
      ...studied,
      { id: 'clone', title: say.clone, run: () => history.clone(run, verb) },
      { id: 'tags', title: say.tagRun, run: () => (history.question = { about: 'tags', runs: [run] }) },
      { id: 'recipe', title: say.recipes.save, run: () => saveRecipe(run) },
      { id: 'csv', title: say.copyCsv, run: () => copy(run, 'CSV') },
      { id: 'json', title: say.copyJson, run: () => copy(run, 'JSON') },
      ...withFile,
    ];
  };
}
