// snug invariance: a rotation without slicing has to leave a model's function as it was.
import type { InvarianceRecipe } from '../../contract/recipe.ts';
import type { InvarianceResult } from '../../contract/results.ts';
import { formatDuration } from '../../contract/units.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere, jobOptions } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, evaluationPart, jobPart } from '../recipe-parts.ts';
import { invarianceFields } from '../report/invariance.ts';
import { warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields } from '../report/table.ts';
import type { Outcome, Verb } from '../verb.ts';

/** Tokens of a window and windows where no text is named: enough to tell, quick to run. */
const quick = { window: 512, windows: 4 } as const;

export const invariance: Verb = {
  name: 'invariance',
  summary: 'check that a rotation leaves a model as it was',
  usage: 'MODEL [--text TEXT]',
  takesModel: true,
  options: ['text', 'window', 'windows', ...jobOptions, ...everywhere],
  examples: [
    'snug invariance model.gguf',
    'snug invariance hub:facebook/opt-125m',
    'snug invariance model.gguf --text wiki.test.raw',
  ],
  async run(model, values, session) {
    const isQuick = values.text === undefined;
    const evaluation = await evaluationPart(values, session, isQuick ? quick.windows : null);
    const recipe = checkRecipe({
      verb: 'invariance',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      evaluation: { ...evaluation, window: values.window ?? (isQuick ? quick.window : undefined) },
    }) as InvarianceRecipe;
    const value = await session.runJob(recipe);
    return invarianceOutcome(value);
  },
};

export const invarianceOutcome = (value: InvarianceResult): Outcome => ({
  value,
  text: (canvas) => describe(value, canvas),
  exitCode: value.passed ? exitCodes.done : exitCodes.failed,
});

function describe(result: InvarianceResult, { style }: Canvas): string[] {
  return [
    result.passed
      ? style.strong('A rotation leaves this model as it was.')
      : style.bad('A rotation changes this model: it must not be sliced.'),
    '',
    ...fields([
      ...invarianceFields(result),
      ['text', `${result.text}, ${result.tokens} tokens`],
      ['device', result.device],
      ['took', formatDuration(result.seconds)],
    ]),
    ...warningLines(result.warnings, style),
  ];
}
