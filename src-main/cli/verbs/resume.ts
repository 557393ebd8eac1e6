// snug resume: goes on with a run that was stopped.
import { AppError } from '../../contract/errors.ts';
import type { ExperimentList } from '../../contract/history.ts';
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
    const stopped = await session.engine().call['history.unfinished']({});
    const [only, ...others] = stopped.experiments;
    return only && others.length === 0 ? resumed(only.run, session) : listed(stopped);
  },
};

async function resumed(id: string, session: Session): Promise<Outcome> {
  const { recipe } = await session.engine().call['history.get']({ run: id });
  const result = await session.resumeJob(id);
  return outcomeOf(result, recipeSchema.parse(recipe));
}

function listed(stopped: ExperimentList): Outcome {
  const none = 'Nothing to go on with: no run was paused, and none was left by a Snug that died.';
  const choice = 'Several runs can go on: snug resume ID.';
  return {
    value: stopped,
    text: (canvas) => (stopped.total === 0 ? [none] : [choice, '', ...experimentTable(stopped.experiments, canvas)]),
    exitCode: exitCodes.done,
  };
}
