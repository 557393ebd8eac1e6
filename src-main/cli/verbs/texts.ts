// snug texts: the texts that come with Snug.
import { formatFileSize } from '../../contract/units.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { table } from '../report/table.ts';
import type { Verb } from '../verb.ts';

export const texts: Verb = {
  name: 'texts',
  summary: 'list the built-in calibration and evaluation texts',
  usage: '',
  takesModel: false,
  options: everywhere,
  examples: ['snug texts'],
  async run(_model, _values, session) {
    const value = await session.engine().call.texts({});
    const rows = value.texts.map((text) => [text.name, text.purpose, formatFileSize(text.bytes), text.description]);
    const columns = [
      { title: 'name' },
      { title: 'for' },
      { title: 'size', align: 'right' as const },
      { title: 'what it is', flexible: true },
    ];
    return { value, text: ({ width }) => table(columns, rows, width), exitCode: exitCodes.done };
  },
};
