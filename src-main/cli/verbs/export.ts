// snug export: places a model in a program that runs it, or in a folder; and takes it out again.
import { AppError } from '../../contract/errors.ts';
import { runnerName, type ExportSource, type ExportTarget } from '../../contract/runners.ts';
import { exitCodes } from '../exit-codes.ts';
import { nearest } from '../nearest.ts';
import { everywhere, type OptionValues } from '../options.ts';
import type { ResolvePath } from '../paths.ts';
import { forbid } from '../recipe-parts.ts';
import { describeExport, describeUndo } from '../report/runners.ts';
import type { Outcome, Session, Verb } from '../verb.ts';

export const exportModel: Verb = {
  name: 'export',
  summary: 'place a model in a program that runs it, or in a folder',
  usage: 'RUN|FILE --to TARGET',
  takesModel: false,
  takesWords: true,
  options: ['to', 'link', 'name', 'at', 'undo', ...everywhere],
  examples: [
    'snug export 3f2a91c07b5d --to lm-studio',
    'snug export fitted.gguf --to ollama --name my-model',
    'snug export fitted.gguf --to /media/models --link copy',
    'snug export 3f2a91c07b5d --undo',
  ],
  async run(_model, values, session, { words }) {
    const [written, surplus] = words;
    if (written === undefined || surplus !== undefined) {
      const problem = written === undefined ? 'RUN or FILE is missing' : `"${surplus}" is one argument too many`;
      throw new AppError('USAGE', `${problem}: snug export RUN|FILE --to TARGET.`, { words });
    }
    const source = sourceOf(written, session.resolve);
    return values.undo ? undo(source, values, session) : place(source, values, session);
  },
};

async function place(source: ExportSource, values: OptionValues, session: Session): Promise<Outcome> {
  if (values.to === undefined) {
    const choices = `${runnerName.options.join(', ')} or a folder`;
    throw new AppError('USAGE', `--to is missing: add --to TARGET, which is ${choices}.`, { option: '--to' });
  }
  const { link, name, at } = values;
  const request = { source, to: targetOf(values.to, session.resolve), link, name, at: at && session.resolve(at) };
  const result = await session.follow((options) => session.engine().call['runners.export'](request, options));
  return { value: result, text: (canvas) => describeExport(result, canvas), exitCode: exitCodes.done };
}

async function undo(source: ExportSource, values: OptionValues, session: Session): Promise<Outcome> {
  forbid(values, ['link', 'name', 'at'], 'means nothing with --undo');
  const to = values.to === undefined ? null : targetOf(values.to, session.resolve);
  const result = await session.follow((options) => session.engine().call['runners.undo']({ source, to }, options));
  const isDone = result.undone.every(({ left }) => left.length === 0);
  return {
    value: result,
    text: (canvas) => describeUndo(result, canvas),
    exitCode: isDone ? exitCodes.done : exitCodes.failed,
  };
}

/** A name of a run is twelve digits; a file of such a name is written with its folder. */
const sourceOf = (word: string, resolve: ResolvePath): ExportSource =>
  /^[0-9a-f]{12}$/.test(word) ? { run: word } : { file: resolve(word) };

/** @throws USAGE for a bare word that is nearly a runner's name: it would become a folder */
function targetOf(word: string, resolve: ResolvePath): ExportTarget {
  const runner = runnerName.safeParse(word);
  if (runner.success) return { runner: runner.data };
  const near = /[\\/.]/.test(word) ? null : nearest(word.toLowerCase(), runnerName.options);
  if (near === null) return { folder: resolve(word) };
  const message = `There is no runner "${word}". Did you mean ${near}? A folder of that name is written ./${word}.`;
  throw new AppError('USAGE', message, { option: '--to', actual: word, nearest: near });
}
