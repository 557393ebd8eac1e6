// snug calibrate: the importance of every weight, in llama.cpp's imatrix form.
import type { CalibrateRecipe } from '../../contract/recipe.ts';
import type { CalibrateResult } from '../../contract/results.ts';
import { formatDuration } from '../../contract/units.ts';
import { exitCodes } from '../exit-codes.ts';
import { calibrationOptions, everywhere, jobOptions } from '../options.ts';
import { modelName, modelPath } from '../paths.ts';
import { calibrationPart, checkRecipe, jobPart } from '../recipe-parts.ts';
import { count, plural } from '../report/numbers.ts';
import { warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields, type Field } from '../report/table.ts';
import type { Outcome, Verb } from '../verb.ts';

export const calibrate: Verb = {
  name: 'calibrate',
  summary: 'measure the importance of every weight (an imatrix GGUF)',
  usage: 'MODEL [--output FILE.gguf]',
  takesModel: true,
  options: ['output', 'force', ...calibrationOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug calibrate model.gguf --output model.imatrix.gguf',
    'snug calibrate model.gguf --calibration mine.txt --samples 64',
  ],
  async run(model, values, session) {
    const recipe = checkRecipe({
      verb: 'calibrate',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      output: session.resolve(values.output ?? `${modelName(model)}.imatrix.gguf`),
      force: values.force,
      calibration: await calibrationPart(values, session),
    }) as CalibrateRecipe;
    const value = await session.runJob(recipe);
    return calibrateOutcome(value);
  },
};

export const calibrateOutcome = (value: CalibrateResult): Outcome => ({
  value,
  text: (canvas) => describe(value, canvas),
  exitCode: exitCodes.done,
});

function describe(result: CalibrateResult, { style }: Canvas): string[] {
  const unseen: Field[] =
    result.unseenExperts > 0 ? [['unseen', `${plural(result.unseenExperts, 'expert')} that no token reached`]] : [];
  return [
    style.strong(`Importance of ${count(result.weights)} tensors from ${plural(result.tokens, 'token')}.`),
    '',
    ...fields([
      ['written', result.output],
      ['samples', count(result.calibration.samples)],
      ...unseen,
      ['device', result.device],
      ['took', formatDuration(result.seconds)],
    ]),
    ...warningLines(result.warnings, style),
    '',
    'Use it: snug quantize MODEL --type TYPE --importance FILE --output FILE.gguf',
  ];
}
