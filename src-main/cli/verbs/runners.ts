// snug runners: which programs that run models are on this machine.
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { describeRunners } from '../report/runners.ts';
import type { Verb } from '../verb.ts';

export const runners: Verb = {
  name: 'runners',
  summary: 'list the programs found that run models, and how models get there',
  usage: '',
  takesModel: false,
  options: everywhere,
  examples: ['snug runners'],
  async run(_model, _values, session) {
    const list = await session.engine().call['runners.list']({});
    return { value: list, text: (canvas) => describeRunners(list, canvas), exitCode: exitCodes.done };
  },
};
