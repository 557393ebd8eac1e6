// The folder of a per-block slice: made of a dense model, or by cutting one again that was sliced so before, along its own
// directions and without a calibration.
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { PerBlockSliceResult, SlicingConfig } from '../../contract/results.ts';
import type { WidthSchedule } from '../../contract/worker/slicing.ts';
import type { Decoder } from '../../core/architectures/decoder.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import { isSliced, type RunnableModel } from '../../core/graph/hidden-states.ts';
import { meanSparsity } from '../../core/slicing/per-block/scheduled-widths.ts';
import { requireSorted } from '../../core/slicing/per-block/narrower-widths.ts';
import { siteLayout, siteWidths } from '../../core/slicing/per-block/site-widths.ts';
import type { SlicedDecoder } from '../../core/slicing/per-block/sliced-decoder.ts';
import { requireInvariance } from '../stages/invariance.ts';
import { makePerBlock } from '../stages/per-block.ts';
import { perBlockSchedule, widthsAgain } from '../stages/per-block-widths.ts';
import { floatTypeOf } from '../stages/slice.ts';
import { evenCalibration } from '../stages/statistics.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from './context.ts';
import { outputForm } from './output-names.ts';
import { makingAnew } from './output-paths.ts';

/** What is cut, and how much. */
export type PerBlockCut =
  | { kind: 'dense'; decoder: Decoder; schedule: WidthSchedule }
  | { kind: 'again'; decoder: SlicedDecoder; widths: SlicingConfig };

/** What a recipe asks of a model; does no work. @throws USAGE, FILE_NOT_FOUND, FILE_MALFORMED where it cannot be had */
export async function planCut(recipe: SliceRecipe, model: RunnableModel): Promise<PerBlockCut> {
  return isSliced(model)
    ? { kind: 'again', decoder: model, widths: await widthsAgain(recipe, model) }
    : { kind: 'dense', decoder: model, schedule: await perBlockSchedule(recipe, model) };
}

type SaidByTheJob =
  | 'run'
  | 'warnings'
  | 'device'
  | 'output'
  | 'method'
  | 'type'
  | 'sourceBytes'
  | 'tensorTypes'
  | 'quality'
  | 'proof'
  | 'gate'
  | 'seconds'
  | 'stages'
  | 'peakMemoryBytes';

/** What making the folder says of the result. */
export type MadeFolder = Omit<PerBlockSliceResult, SaidByTheJob>;

/** Makes the folder `output`. @throws as makePerBlock and requireInvariance */
export function makeFolder(
  context: JobContext,
  recipe: SliceRecipe,
  cut: PerBlockCut,
  output: string,
): Promise<MadeFolder> {
  return cut.kind === 'dense' ? sliceDense(context, recipe, cut, output) : cutAgain(context, recipe, cut, output);
}

type CutOf<Kind extends PerBlockCut['kind']> = Extract<PerBlockCut, { kind: Kind }>;

async function sliceDense(
  context: JobContext,
  recipe: SliceRecipe,
  { decoder, schedule }: CutOf<'dense'>,
  output: string,
): Promise<MadeFolder> {
  const { device, precision, paperCompat, calibration } = recipe;
  const [orientation, signals] = [recipe.orientation ?? 'pca', recipe.signals ?? 'raw'];
  const source = decoder.model;
  const { hiddenSize } = decoder.config;
  const { windows, use } = await stage(context, 'tokenize', () =>
    evenCalibration(context, { source: source.path, hiddenSize, calibration }),
  );
  const invariance = await requireInvariance(context, { source, original: recipe.model, device, windows });
  const made = await makePerBlock(context, {
    source,
    windows,
    schedule,
    output,
    device,
    precision,
    paperCompat,
    orientation,
    signals,
    type: floatTypeOf(recipe.type)!,
    seed: calibration.seed,
  });
  if (!made.hasTokenizer) warnOfNoTokenizer(context, recipe);
  return {
    widths: made.widths,
    sparsity: made.sparsity,
    retained: made.retained,
    sites: made.sites,
    resumedAtLayer: made.resumedAtLayer,
    energyLost: Math.max(...made.sites.map((site) => site.energyLost)),
    scheduler: schedulerOf(recipe),
    signals,
    orientation,
    precision,
    paperCompat,
    calibration: use,
    invariance,
    parametersBefore: made.parametersBefore,
    parametersAfter: made.parametersAfter,
    untiedParameters: made.untiedParameters,
    shortcutParameters: made.shortcutParameters,
    fileBytes: made.fileBytes,
    sha256: made.sha256,
  };
}

/** Leading rows and columns of what was sliced before: nothing is calibrated. */
async function cutAgain(
  context: JobContext,
  recipe: SliceRecipe,
  { decoder, widths }: CutOf<'again'>,
  output: string,
): Promise<MadeFolder> {
  const { signals, orientation, precision, paperCompat } = requireSorted(decoder);
  const tokenizerFrom = recipe.tokenizer ?? (isOnnxFile(recipe.model) ? null : decoder.model.path);
  const made = await stage(context, 'slice', () =>
    context.worker(
      makingAnew(output, (client) =>
        client.narrowSliced(
          { source: decoder.model.path, widths, output, type: floatTypeOf(recipe.type)!, tokenizerFrom },
          { signal: context.signal, onProgress: reportAs(context, 'slice') },
        ),
      ),
    ),
  );
  notePeakMemory(context, made.peakMemoryBytes);
  if (!made.hasTokenizer) warnOfNoTokenizer(context, recipe);
  const layout = siteLayout(decoder);
  return {
    widths,
    sparsity: meanSparsity(layout, siteWidths(widths, layout), widths.do_slice_head),
    retained: null,
    sites: [],
    resumedAtLayer: null,
    energyLost: null,
    scheduler: schedulerOf(recipe),
    // Those of the slice that is cut.
    signals,
    orientation,
    precision,
    paperCompat,
    calibration: null,
    invariance: null,
    parametersBefore: made.parametersBefore,
    parametersAfter: made.parametersAfter,
    untiedParameters: made.untiedParameters,
    shortcutParameters: made.shortcutParameters,
    fileBytes: made.fileBytes,
    sha256: made.sha256,
  };
}

const schedulerOf = ({ scheduler }: SliceRecipe): PerBlockSliceResult['scheduler'] =>
  scheduler === 'constant' || scheduler === 'variance' ? scheduler : 'file';

function warnOfNoTokenizer(context: JobContext, { output, model, tokenizer }: SliceRecipe): void {
  if (outputForm(output) !== 'safetensors') return;
  context.warnings.push(`${output} has no tokenizer, as ${tokenizer ?? model} has none that a folder can have.`);
}
