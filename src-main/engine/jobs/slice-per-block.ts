// Slicing block by block (SliceGPT as published): a folder or an ONNX model with shortcut matrices, which Snug and
// onnxruntime run and llama.cpp does not. What was sliced so before is cut again without a new calibration.
import { AppError } from '../../contract/errors.ts';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { PerBlockSliceResult, SlicingConfig } from '../../contract/results.ts';
import { isSlicedPerBlock, openDecoder } from '../../core/architectures/decoder.ts';
import { evenCalibration } from '../stages/statistics.ts';
import { folderOf, openModel, typeCounts, type ModelSource } from '../../core/formats/model-source.ts';
import { narrowerWidths } from '../../core/slicing/per-block/narrower-widths.ts';
import { meanSparsity } from '../../core/slicing/per-block/scheduled-widths.ts';
import { constantWidth, siteLayout, siteWidths } from '../../core/slicing/per-block/site-widths.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import type { SlicedDecoder } from '../../core/slicing/per-block/sliced-decoder.ts';
import { evaluate } from '../stages/evaluate.ts';
import { exportModel } from '../stages/export.ts';
import { requireInvariance } from '../stages/invariance.ts';
import { withGraphs } from '../stages/open.ts';
import { explicitWidths, makePerBlock, perBlockSchedule, roundInterval } from '../stages/per-block.ts';
import { checkForm, floatTypeOf, howMuch } from '../stages/slice.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { notePeakMemory, reportAs, stage, totalSeconds, type JobContext } from './context.ts';
import { checkGate, gateOf } from './gate.ts';
import { outputForm } from './output-names.ts';
import { checkAnyOutput, cleaning, unfinishedName } from './output-paths.ts';
import { keepingComplete, publishFolder } from './publish.ts';

/** A folder or an ONNX model of `recipe.model`, measured against it. @throws USAGE, UNSUPPORTED_ARCHITECTURE before any work */
export async function runPerBlockSlice(context: JobContext, recipe: SliceRecipe): Promise<PerBlockSliceResult> {
  // A model may be named by a file of weights in its folder.
  await checkAnyOutput(recipe, [recipe.model, folderOf(recipe.model)]);
  checkGate(recipe.evaluation, recipe.evaluate);
  checkPerBlockForm(recipe);
  return withGraphs(context, recipe.model, async (source) => {
    const folder = unfinishedName(recipe.output, 'folder');
    return cleaning([folder], async () => {
      const text = recipe.evaluate ? await evaluationText(context, recipe, source) : null;
      const made = isSlicedPerBlock(source)
        ? await cutAgain(context, recipe, source, folder)
        : await sliceDense(context, recipe, source, folder);
      const tensorTypes = await typesIn(folder);
      const finished = await finish(context, { recipe, source, folder, text, widths: made.widths });
      const { type, output } = recipe;
      return {
        ...{ run: context.run, warnings: context.warnings, device: context.device, output },
        ...{ method: 'per-block' as const, type: floatTypeOf(type)! },
        ...{ sourceBytes: source.fileBytes, tensorTypes },
        ...made,
        ...finished,
        seconds: totalSeconds(context).total,
        stages: context.seconds,
        peakMemoryBytes: context.peakMemoryBytes,
      };
    });
  });
}

async function typesIn(folder: string): Promise<Record<string, number>> {
  const model = await openModel(folder);
  await model.close();
  return typeCounts(model);
}

/** @throws USAGE */
function checkPerBlockForm(recipe: SliceRecipe): void {
  const { output, importance, evaluation } = recipe;
  if (outputForm(output) === 'gguf') {
    const message =
      'Per-block slicing keeps a matrix of its own for every step of a layer, for which GGUF and its runners have no place: name a folder or an .onnx file, or use --method shared.';
    throw new AppError('USAGE', message, { option: '--method', method: 'per-block', output });
  }
  checkForm(recipe, 'quantised types need --method shared and a .gguf file');
  if (importance !== 'on') {
    const message = '--importance is for quantised types, which a per-block slice does not have.';
    throw new AppError('USAGE', message, { option: '--importance', importance });
  }
  if (evaluation.engine === 'llama.cpp' || evaluation.weightsOnly) {
    const message = 'llama.cpp cannot run a per-block slice: leave --engine and --weights-only away.';
    throw new AppError('USAGE', message, { option: '--engine' });
  }
}

const evaluationText = (context: JobContext, recipe: SliceRecipe, source: ModelSource): Promise<EvaluationTokens> =>
  stage(context, 'tokenize', () =>
    openEvaluation(context, source.path, recipe.evaluation, isSlicedPerBlock(source) ? [] : recipe.calibration.texts),
  );

type Made = Pick<
  PerBlockSliceResult,
  | 'widths'
  | 'sparsity'
  | 'retained'
  | 'sites'
  | 'scheduler'
  | 'energyLost'
  | 'signals'
  | 'orientation'
  | 'precision'
  | 'paperCompat'
  | 'calibration'
  | 'invariance'
  | 'parametersBefore'
  | 'parametersAfter'
  | 'untiedParameters'
  | 'shortcutParameters'
  | 'fileBytes'
  | 'sha256'
>;

async function sliceDense(
  context: JobContext,
  recipe: SliceRecipe,
  source: ModelSource,
  output: string,
): Promise<Made> {
  const { device, precision, paperCompat } = recipe;
  const decoder = openDecoder(source);
  const schedule = await perBlockSchedule(recipe, decoder);
  const { hiddenSize } = decoder.config;
  const { windows, use } = await stage(context, 'tokenize', () =>
    evenCalibration(context, { source: source.path, hiddenSize, calibration: recipe.calibration }),
  );
  const invariance = await requireInvariance(context, { source, original: recipe.model, device, windows });
  const numerics = {
    precision,
    paperCompat,
    orientation: recipe.orientation ?? 'pca',
    signals: recipe.signals ?? 'raw',
  };
  const made = await makePerBlock(context, {
    ...{ source: source.path, windows, schedule, output, device, ...numerics },
    type: floatTypeOf(recipe.type)!,
    seed: recipe.calibration.seed,
  });
  if (!made.hasTokenizer) warnOfNoTokenizer(context, recipe);
  const { widths, sparsity, retained, sites, fileBytes, sha256 } = made;
  const { parametersBefore, parametersAfter, untiedParameters, shortcutParameters } = made;
  return {
    ...{ widths, sparsity, retained, sites, calibration: use, invariance, fileBytes, sha256, ...numerics },
    ...{ parametersBefore, parametersAfter, untiedParameters, shortcutParameters },
    scheduler: schedulerOf(recipe),
    energyLost: Math.max(...sites.map((site) => site.energyLost)),
  };
}

const schedulerOf = ({ scheduler }: SliceRecipe): PerBlockSliceResult['scheduler'] =>
  scheduler === 'constant' || scheduler === 'variance' ? scheduler : 'file';

/** Leading rows and columns of what was sliced before: nothing is calibrated. */
async function cutAgain(context: JobContext, recipe: SliceRecipe, source: ModelSource, output: string): Promise<Made> {
  const decoder = (await openRunnable(source)) as SlicedDecoder;
  const widths = await widthsAgain(recipe, decoder);
  const made = await stage(context, 'slice', () =>
    context.worker((client) =>
      client.narrowSliced(
        { source: folderOf(source.path), widths, output, type: floatTypeOf(recipe.type)! },
        { signal: context.signal, onProgress: reportAs(context, 'slice') },
      ),
    ),
  );
  notePeakMemory(context, made.peakMemoryBytes);
  if (!made.hasTokenizer) warnOfNoTokenizer(context, recipe);
  const { parametersBefore, parametersAfter, untiedParameters, shortcutParameters, fileBytes, sha256 } = made;
  return {
    ...{ widths, fileBytes, sha256, parametersBefore, parametersAfter, untiedParameters, shortcutParameters },
    ...{ retained: null, sites: [], calibration: null, invariance: null, energyLost: null },
    // Those of the slice that is cut, which its folder does not say.
    ...{ signals: null, orientation: null, precision: null, paperCompat: null },
    scheduler: schedulerOf(recipe),
    sparsity: meanSparsity(siteLayout(decoder), siteWidths(widths, siteLayout(decoder)), widths.do_slice_head),
  };
}

/** @throws USAGE for what needs the dense model */
async function widthsAgain(recipe: SliceRecipe, decoder: SlicedDecoder): Promise<SlicingConfig> {
  const { scheduler, sparsity, width, sliceHead, signals, orientation, precision, paperCompat } = recipe;
  const needsDense = {
    precision: precision !== 'fp64',
    signals: signals !== null,
    orientation: orientation !== null,
    'paper-compat': paperCompat,
  };
  const [wrong] =
    Object.entries({ scheduler: scheduler === 'variance', ...needsDense }).find(([, given]) => given) ?? [];
  if (wrong !== undefined) {
    const message = `--${wrong} needs the dense model: ${decoder.model.path} was sliced already, and is only cut again along its own directions.`;
    throw new AppError('USAGE', message, { option: `--${wrong}` });
  }
  if (scheduler !== 'constant') return explicitWidths(recipe);
  if (sparsity === null && width === null) throw new AppError('USAGE', howMuch, { option: '--sparsity' });
  const { hiddenSize } = decoder.config;
  return narrowerWidths(
    decoder,
    width ?? constantWidth(hiddenSize, sparsity!, recipe.round ?? roundInterval),
    sliceHead,
  );
}

function warnOfNoTokenizer(context: JobContext, { output, model }: SliceRecipe): void {
  if (outputForm(output) !== 'safetensors') return;
  context.warnings.push(`${output} has no tokenizer, as ${model} has none that a folder can have.`);
}

interface Finish {
  recipe: SliceRecipe;
  source: ModelSource;
  /** Complete, under its unfinished name. */
  folder: string;
  text: EvaluationTokens | null;
  widths: SlicingConfig;
}

/** Measures the folder and gives it, or the ONNX model that it becomes, its name. A complete folder is not lost to a failure. */
async function finish(
  context: JobContext,
  { recipe, source, folder, text, widths }: Finish,
): Promise<Pick<PerBlockSliceResult, 'quality' | 'gate'> & Partial<Pick<PerBlockSliceResult, 'fileBytes' | 'sha256'>>> {
  const measured = text && {
    ...{ candidate: folder, reference: source.path, text, device: recipe.device, weightsOnly: false },
    engine: 'onnx' as const,
  };
  const quality = await keepingComplete(folder, { target: recipe, as: 'unproved' }, async () =>
    measured ? (await evaluate(context, measured)).quality : undefined,
  );
  const gate = quality && gateOf(recipe.evaluation, quality);
  const written = await keepingComplete(folder, { target: recipe, as: 'unpublished' }, async () => {
    if (outputForm(recipe.output) === 'onnx')
      return exportModel(context, { recipe, file: folder, folder: null, widths });
    await publishFolder(folder, recipe);
    return null;
  });
  return { ...(quality && { quality }), ...(gate && { gate }), ...written };
}
