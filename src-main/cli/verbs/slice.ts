// snug slice: a model of a smaller width, by one rotation for the whole residual stream.
import { AppError } from '../../contract/errors.ts';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { SliceResult } from '../../contract/results.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { exitCodeOfResult } from '../exit-codes.ts';
import { everywhere, jobOptions, outputOptions, sliceOptions, type OptionValues } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, forbid, jobPart, outputPart, required } from '../recipe-parts.ts';
import { invarianceFields } from '../report/invariance.ts';
import { count, percent, plural } from '../report/numbers.ts';
import { qualityFields, qualityVerdict, warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields, type Field } from '../report/table.ts';
import type { Verb } from '../verb.ts';

export const slice: Verb = {
  name: 'slice',
  summary: 'cut the width of a model',
  usage: 'MODEL (--sparsity S | --width D) --output FILE.gguf|FOLDER|FILE.onnx',
  takesModel: true,
  options: [...sliceOptions, 'type', ...outputOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug slice model.gguf --sparsity 0.2 --output sliced.gguf',
    'snug slice model.gguf --width 3072 --type Q4_K_M --output small.gguf',
    'snug slice folder --sparsity 0.1 --output sliced-folder',
  ],
  async run(model, values, session) {
    checkMethod(values);
    const output = session.resolve(required(values, 'output'));
    const { sparsity, width, round, orientation, type } = values;
    if (sparsity !== undefined && width !== undefined)
      forbid(values, ['width'], 'and --sparsity cannot be given together');
    if (sparsity === undefined && width === undefined) {
      const message = 'How much to cut is missing: add --sparsity S (0.2 cuts a fifth of the width) or --width D.';
      throw new AppError('USAGE', message, { option: '--sparsity' });
    }
    const recipe = checkRecipe({
      verb: 'slice',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      output,
      ...{ sparsity, width, round, orientation, type },
      ...(await outputPart(values, session)),
    }) as SliceRecipe;
    const value = await session.runJob(recipe);
    return { value, text: (canvas) => describe(value, canvas), exitCode: exitCodeOfResult(value) };
  },
};

/** Only the form that stock runners load is there so far. */
function checkMethod({ method, output }: OptionValues): void {
  if (method !== 'per-block') return;
  const wantsGguf = output?.toLowerCase().endsWith('.gguf') ?? false;
  const why = wantsGguf
    ? 'Per-block slicing keeps two matrices of its own in every layer, for which GGUF and its runners have no place'
    : 'Per-block slicing is not in this version';
  throw new AppError('USAGE', `${why}: use --method shared.`, { option: '--method', method });
}

function describe(result: SliceResult, { style }: Canvas): string[] {
  const types = Object.entries(result.tensorTypes).map(([type, tensors]) => `${type} × ${tensors}`);
  return [
    qualityVerdict(result, style),
    sizeVerdict(result),
    '',
    ...fields([
      ['written', `${result.output}, ${formatFileSize(result.fileBytes)}`],
      ['width', widthText(result)],
      ['type', `${result.type} (${types.join(', ')})`],
      ['parameters', `${count(result.parametersBefore)} → ${count(result.parametersAfter)}${untiedText(result)}`],
      ['calibration', calibrationText(result)],
      ...invarianceFields(result.invariance),
      ...qualityFields(result),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds)}, peak memory ${formatMemory(result.peakMemoryBytes)}`],
      ['sha256', result.sha256],
    ] satisfies Field[]),
    ...warningLines(result.warnings, style),
  ];
}

/** What slicing did to the size, said as it is. */
function sizeVerdict({ parametersBefore, parametersAfter, sparsity }: SliceResult): string {
  const change = parametersAfter / parametersBefore - 1;
  const cut = `Cutting ${percent(sparsity)} of the width makes this model`;
  return change < 0
    ? `${cut} ${percent(-change)} smaller in parameters.`
    : `${cut} bigger, by ${percent(change)} in parameters: its output layer was the embedding and now is a matrix of its own.`;
}

function widthText({ widths, sparsity, energyLost, orientation }: SliceResult): string {
  const kept = `${widths.head_dimension} of ${widths.hidden_size} (${percent(sparsity)} cut)`;
  return `${kept}, ${percent(energyLost)} of the signal's energy lost, ${orientation} orientation`;
}

function untiedText({ untiedParameters }: SliceResult): string {
  return untiedParameters === 0 ? '' : `, of them ${count(untiedParameters)} for an output layer of its own`;
}

function calibrationText({ calibration, calibrationReused, calibrationResumedAtLayer }: SliceResult): string {
  const size = `${plural(calibration.samples, 'sample')}, ${plural(calibration.tokens, 'token')}`;
  if (calibrationReused) return `${size}, kept from an earlier run`;
  return calibrationResumedAtLayer === null ? size : `${size}, gone on with at layer ${calibrationResumedAtLayer}`;
}
