// snug resume: goes on with a run that was stopped.
import { AppError } from '../../contract/errors.ts';
import type { Experiment, UnfinishedList } from '../../contract/history.ts';
import { recipe as recipeSchema } from '../../contract/recipe.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { outcomeOf } from '../outcomes.ts';
import { experimentTable } from '../report/history.ts';
import type { Outcome, Session, Verb } from '../verb.ts';

export const resume: Verb = {
  name: 'resume',
  summary: 'go on with a run that was stopped',
  usage: '[ID]',
  takesModel: false,
  takesWords: true,
  options: everywhere,
  examples: ['snug resume', 'snug resume 3f2a91c07b5d'],
  async run(_model, _values, session, { words: [id, surplus] }) {
    if (surplus !== undefined)
      throw new AppError('USAGE', `"${surplus}" is one argument too many: snug resume [ID].`, { argument: surplus });
    if (id !== undefined) return resumed(id, session);
    const found = await session.engine().call['history.unfinished']({ endedToo: true });
    const [only, ...others] = found.experiments.filter(isStopped);
    return only && others.length === 0 ? resumed(only.run, session) : listed(found);
  },
};

/** Left in the middle; who cancelled a run, or saw it fail, has to name it. */
const isStopped = ({ state }: Experiment): boolean => state === 'paused' || state === 'interrupted';

async function resumed(id: string, session: Session): Promise<Outcome> {
  const { recipe } = await session.engine().call['history.get']({ run: id });
  const result = await session.resumeJob(id);
  return outcomeOf(result, recipeSchema.parse(recipe));
}

/** Of those that failed or were cancelled. */
const mostEnded = 10;

function listed(found: UnfinishedList): Outcome {
  const stopped = found.experiments.filter(isStopped);
  const allEnded = found.experiments.filter((run) => !isStopped(run));
  const ended = allEnded.slice(0, mostEnded);
  const more = allEnded.length - ended.length;
  const none = 'Nothing to go on with: no run was paused, and none was left by a Snug that died.';
  const several = 'Several runs can go on: snug resume ID.';
  const failures = ended.flatMap(({ run, failure }) => (failure === null ? [] : [`${run}: ${failure}`]));
  return {
    value: found,
    text: (canvas) => [
      ...(stopped.length === 0 ? [none] : [several, '', ...experimentTable(stopped, canvas)]),
      ...(ended.length === 0
        ? []
        : ['', 'Cancelled or failed, and can be taken up too: snug resume ID.', '', ...experimentTable(ended, canvas)]),
      ...(failures.length === 0 ? [] : ['', ...failures.map(canvas.style.quiet)]),
      ...(more === 0 ? [] : ['', `${more} older ones: snug history --state failed, snug history --state cancelled.`]),
    ],
    exitCode: exitCodes.done,
  };
}
