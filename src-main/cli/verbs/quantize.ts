// snug quantize: a GGUF of one type or named mix, measured and proved.
import type { QuantizeRecipe } from '../../contract/recipe.ts';
import type { QuantizeResult } from '../../contract/results.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { exitCodeOfResult } from '../exit-codes.ts';
import { everywhere, jobOptions, outputOptions } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, jobPart, outputPart, required } from '../recipe-parts.ts';
import { count, plural } from '../report/numbers.ts';
import { qualityFields, qualityVerdict, warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields } from '../report/table.ts';
import type { Outcome, Verb } from '../verb.ts';

export const quantize: Verb = {
  name: 'quantize',
  summary: 'write a GGUF of a given type',
  usage: 'MODEL --type TYPE --output FILE.gguf',
  takesModel: true,
  options: ['type', 'pure', ...outputOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug quantize model.gguf --type Q4_K_M --output model.Q4_K_M.gguf',
    'snug quantize model.gguf --type IQ3_XS --importance model.imatrix.gguf --gate-kld 0.1 --output small.gguf',
  ],
  async run(model, values, session) {
    const type = required(values, 'type');
    const output = session.resolve(required(values, 'output'));
    const recipe = checkRecipe({
      verb: 'quantize',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      type,
      output,
      pure: values.pure,
      ...(await outputPart(values, session)),
    }) as QuantizeRecipe;
    const value = await session.runJob(recipe);
    return quantizeOutcome(value);
  },
};

export const quantizeOutcome = (value: QuantizeResult): Outcome => ({
  value,
  text: (canvas) => describe(value, canvas),
  exitCode: exitCodeOfResult(value),
});

function describe(result: QuantizeResult, { style }: Canvas): string[] {
  const { calibration } = result;
  const importance = calibration
    ? `${plural(calibration.samples, 'sample')}, ${plural(calibration.tokens, 'token')}`
    : 'none';
  const types = Object.entries(result.tensorTypes).map(([type, tensors]) => `${type} × ${tensors}`);
  return [
    qualityVerdict(result, style),
    '',
    ...fields([
      ['written', `${result.output}, ${formatFileSize(result.fileBytes)}`],
      ['type', `${result.type} (${types.join(', ')})`],
      ['parameters', count(result.parametersAfter)],
      ['calibration', importance],
      ...qualityFields(result),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds)}, peak memory ${formatMemory(result.peakMemoryBytes)}`],
      ['sha256', result.sha256],
    ]),
    ...warningLines(result.warnings, style),
  ];
}
