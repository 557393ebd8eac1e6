import { AppError } from '../../contract/errors.ts';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { SharedSliceResult, SliceResult } from '../../contract/results.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { folderOf, isOnnxFile, openModel } from '../../core/formats/model-source.ts';
import { fallbackNote } from '../../core/planning/candidates.ts';
import { predictFile } from '../../core/planning/prior.ts';
import { predictSlice, withTypes } from '../../core/planning/slice-prior.ts';
import { sliceStep } from '../../core/planning/slices.ts';
import { findMix } from '../../core/quantization/mixes.ts';
import { sharedSlicingConfig } from '../../core/slicing/slicing-config.ts';
import { openText } from '../../core/texts/open-text.ts';
import { defaultRun } from '../planner/plan-model.ts';
import { chooseEngine } from '../stages/engine.ts';
import { requireSharedSlice } from '../stages/sliceable.ts';
import { requireInvariance } from '../stages/invariance.ts';
import { hasVocabulary, withModel, type GgufSource } from '../stages/open.ts';
import { checkForm, floatTypeOf, howMuch, makeSlice, planSlice, sharedWidthOf } from '../stages/slice.ts';
import { blockStatistics } from '../stages/statistics.ts';
import { openCalibration, openEvaluation, textsFolder, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { exportOutput, type Written } from './export-output.ts';
import { finishFile } from './finish-file.ts';
import { checkGate } from './gate.ts';
import { outputForm } from './output-names.ts';
import { checkAnyOutput, cleaning, refuseInputs, unfinishedName } from './output-paths.ts';
import { publish } from './publish.ts';
import { runPerBlockSlice } from './slice-per-block.ts';

/** The verb `slice`. */
export async function runSlice(context: JobContext, recipe: SliceRecipe): Promise<SliceResult> {
  checkTokenizer(recipe);
  return recipe.method === 'shared' ? runSharedSlice(context, recipe) : runPerBlockSlice(context, recipe);
}

/** @throws USAGE */
function checkTokenizer({ model, tokenizer }: SliceRecipe): void {
  if (tokenizer === null || isOnnxFile(model)) return;
  const message = `--tokenizer is for an .onnx model, which has none: ${model} has its own. Leave it away.`;
  throw new AppError('USAGE', message, { option: '--tokenizer', tokenizer });
}

/** A narrower model by one rotation, as GGUF, safetensors or ONNX; measured and proved as GGUF. */
async function runSharedSlice(context: JobContext, recipe: SliceRecipe): Promise<SharedSliceResult> {
  checkSharedOptions(recipe);
  // A model may be named by a file of weights in its folder.
  await checkAnyOutput(recipe, [recipe.model, folderOf(recipe.model)]);
  checkGate(recipe.evaluation, recipe.evaluate);
  checkForm(recipe, `for ${recipe.type} name a .gguf file`);
  checkSliceImportance(recipe);
  // Before a folder is converted for it.
  const model = await openModel(recipe.model);
  await model.close();
  await requireSharedSlice(model);
  return withModel(context, recipe.model, async (source) => {
    await refuseInputs(
      recipe.output,
      source.gguf.shards.map(({ name }) => name),
    );
    return sliceSource(context, recipe, source);
  });
}

/** Importance is measured in the rotated basis with everything else; a file is of the dense model's. @throws USAGE */
export function checkSliceImportance({ importance }: Pick<SliceRecipe, 'importance'>): void {
  if (importance === 'on' || importance === 'off') return;
  const message = `A slice measures importance itself, in its own basis: --importance takes on or off here, not ${importance}.`;
  throw new AppError('USAGE', message, { importance });
}

/** Refuses what only per-block slicing has. @throws USAGE */
function checkSharedOptions({ scheduler, signals, sliceHead, paperCompat, sparsity, width }: SliceRecipe): void {
  const wrong = [
    {
      option: '--scheduler',
      isGiven: scheduler !== 'constant',
      why: 'a shared rotation has one width for the whole model',
    },
    {
      option: '--slice-head',
      isGiven: sliceHead,
      why: 'a shared rotation cuts the output layer with everything else',
    },
    {
      option: '--signals',
      isGiven: signals === 'raw',
      why: 'a shared rotation takes normed signals, where every site counts the same',
    },
    { option: '--paper-compat', isGiven: paperCompat, why: 'the released code has no shared rotation' },
  ].find(({ isGiven }) => isGiven);
  if (wrong)
    throw new AppError('USAGE', `${wrong.option} is for --method per-block: ${wrong.why}.`, { option: wrong.option });
  if (sparsity === null && width === null) throw new AppError('USAGE', howMuch, { option: '--sparsity' });
}

async function sliceSource(context: JobContext, recipe: SliceRecipe, source: GgufSource): Promise<SharedSliceResult> {
  const { device, calibration } = recipe;
  const { slice, planned, predictedKld } = await planRecipe(context, recipe, source);
  const engine = await chooseEngine(context, recipe, [source.path]);
  const text = await stage(context, 'tokenize', () => sliceTokens(context, recipe, source));
  const invariance = await requireInvariance(context, {
    ...{ source, original: source.original, device, windows: text.windows },
  });
  const { hiddenSize } = slice.step;
  const statistics = await blockStatistics(context, { source: source.path, hiddenSize, device, calibration });
  const file = unfinishedName(recipe.output);
  return cleaning([file], async () => {
    const { precision } = recipe;
    const made = await makeSlice(context, {
      ...{ source: source.path, statistics, planned, precision, ...slice, output: file },
    });
    const widths = sharedSlicingConfig(openDecoder(source), slice.step.width);
    let written: Written = { fileBytes: made.fileBytes, sha256: made.sha256 };
    const finished = await finishFile(context, {
      ...{ recipe, source: source.path, file, engine, text: recipe.evaluate || recipe.prove ? text : null },
      predictedKld,
      planned: { header: planned.header, ...defaultRun(source.config.contextLength) },
      publish: async () => {
        if (outputForm(recipe.output) === 'gguf') return publish(file, recipe, context.naming);
        const folder = source.isConverted ? source.original : null;
        written = await exportOutput(context, { recipe, file, folder, widths });
      },
    });
    return {
      ...{ run: context.run, warnings: context.warnings, device: context.device, output: recipe.output },
      ...{ method: 'shared' as const, type: findMix(recipe.type).name, widths },
      ...{ sparsity: slice.step.sparsity, orientation: slice.step.orientation, energyLost: made.energyLost },
      ...{ precision, shortcutParameters: 0 },
      ...planned.sizes,
      sourceBytes: source.fileBytes,
      ...written,
      tensorTypes: made.tensorTypes,
      calibration: statistics.use,
      calibrationReused: statistics.reused,
      calibrationResumedAtLayer: statistics.resumedAtLayer,
      resumedAtTensor: made.resumedAtTensor,
      invariance,
      ...finished,
      seconds: totalSeconds(context).total,
      stages: context.seconds,
      peakMemoryBytes: context.peakMemoryBytes,
    };
  });
}

/**
 * What the rotation is checked and the slice measured and proved on. Of a model without a tokenizer that is not measured,
 * the ids that it is calibrated on, where no others are given. @throws as openEvaluation and openCalibration
 */
export async function sliceTokens(
  context: JobContext,
  { evaluate, evaluation, calibration }: Pick<SliceRecipe, 'evaluate' | 'evaluation' | 'calibration'>,
  source: GgufSource,
): Promise<EvaluationTokens> {
  const canRead = async (): Promise<boolean> =>
    (await hasVocabulary(source)) || (await openText(evaluation.text, textsFolder(context))).rows !== null;
  if (evaluate || (await canRead())) return openEvaluation(context, source.path, evaluation, calibration.texts);
  const { windows, textSha256: sha256 } = await openCalibration(context, source.path, calibration);
  return { name: calibration.texts.join(', '), sha256, windows, windowTokens: windows[0]!.length };
}

/** What is to be made, and what it will be: to the byte, with the loss expected at most. */
async function planRecipe(context: JobContext, recipe: SliceRecipe, source: GgufSource) {
  const { type, calibration } = recipe;
  const hiddenSize = source.config.hiddenSize!;
  const isFloat = floatTypeOf(type) !== null;
  const width = sharedWidthOf(recipe, hiddenSize);
  const step = sliceStep(width, hiddenSize, { isQuantized: !isFloat, wished: recipe.orientation });
  const importance = recipe.importance !== 'off' && !isFloat;
  const planned = await stage(context, 'plan', () =>
    planSlice(context, { source: source.path, step, type, importance }),
  );
  const { tensors, candidate } = planned.file;
  const fallback = isFloat ? null : fallbackNote(candidate, tensors);
  if (fallback !== null) context.warnings.push(fallback);
  const ofTypes = predictFile(tensors, candidate.types, source.parameters);
  const { kldHigh } = withTypes(predictSlice(step.sparsity, source.parameters), ofTypes);
  return { slice: { step, type, importance, seed: calibration.seed }, planned, predictedKld: kldHigh };
}
