// The widths that a per-block slice is asked for. All that the recipe and the model's sizes decide is checked here, before
// any work.
import { existsSync } from 'node:fs';
import { AppError } from '../../contract/errors.ts';
import { calibrationOptions, type SliceRecipe } from '../../contract/recipe.ts';
import type { SlicingConfig } from '../../contract/results.ts';
import type { WidthSchedule } from '../../contract/worker/slicing.ts';
import type { Decoder } from '../../core/architectures/decoder.ts';
import { requireWidth } from '../../core/slicing/shared-width.ts';
import { narrowerWidths, requireNarrower, requireSorted } from '../../core/slicing/per-block/narrower-widths.ts';
import {
  constantWidth,
  constantWidths,
  siteLayout,
  siteWidths,
  slicingConfigOf,
} from '../../core/slicing/per-block/site-widths.ts';
import type { SlicedDecoder } from '../../core/slicing/per-block/sliced-decoder.ts';
import { readSlicingConfig } from '../../core/slicing/per-block/sliced-folder.ts';
import { howMuch } from './slice.ts';

/** Widths are multiples of it where the user names none: the released code's round interval. */
export const roundInterval = 8;

type Cuts = Pick<SliceRecipe, 'scheduler' | 'sparsity' | 'width' | 'round' | 'sliceHead'>;

/** What a recipe asks of the widths; `decoder` has not been sliced. @throws USAGE, FILE_NOT_FOUND, FILE_MALFORMED */
export async function perBlockSchedule(recipe: Cuts, decoder: Decoder): Promise<WidthSchedule> {
  const { scheduler, sparsity, width, sliceHead } = recipe;
  const layout = siteLayout(decoder);
  if (scheduler !== 'constant' && scheduler !== 'variance') {
    return { scheduler: 'explicit', widths: await widthsOfFile(recipe, (found) => siteWidths(found, layout)) };
  }
  if (scheduler === 'variance' && width !== null) {
    const message = '--scheduler variance finds widths for a mean --sparsity: give that instead of --width.';
    throw new AppError('USAGE', message, { option: '--width' });
  }
  const one = oneWidth(recipe, layout.hiddenSize);
  if (sparsity !== null) return { scheduler, sparsity, round: recipe.round ?? roundInterval, sliceHead };
  const widths = slicingConfigOf(layout, constantWidths(layout, one, sliceHead), sliceHead);
  return { scheduler: 'explicit', widths };
}

/** The widths to which a slice is cut again. @throws USAGE also for what needs the dense model, and as requireSorted; FILE_NOT_FOUND, FILE_MALFORMED */
export async function widthsAgain(recipe: SliceRecipe, decoder: SlicedDecoder): Promise<SlicingConfig> {
  requireSorted(decoder);
  refuseDenseOptions(recipe, decoder.model.path);
  if (recipe.scheduler !== 'constant') return widthsOfFile(recipe, (found) => requireNarrower(decoder, found));
  return narrowerWidths(decoder, oneWidth(recipe, decoder.config.hiddenSize), recipe.sliceHead);
}

/** The width that is asked for, or that a share of the hidden size leaves. @throws USAGE where there is no such width */
function oneWidth({ sparsity, width, round }: Cuts, hiddenSize: number): number {
  if (sparsity !== null) return constantWidth(hiddenSize, sparsity, round ?? roundInterval);
  if (width === null) throw new AppError('USAGE', howMuch, { option: '--sparsity' });
  requireWidth(width, hiddenSize);
  if (round === null || width % round === 0) return width;
  const message = `A width of ${width} is no multiple of ${round}, as --round asks for.`;
  throw new AppError('USAGE', message, { width, round });
}

/** The widths of a file that the user wrote or another slice left, once `check` took them. @throws USAGE naming the file */
async function widthsOfFile(
  { scheduler: file, sparsity, width, round, sliceHead }: Cuts,
  check: (widths: SlicingConfig) => unknown,
): Promise<SlicingConfig> {
  if (!existsSync(file)) {
    const message = `${file} is neither a scheduler nor a file: --scheduler takes constant, variance, or the path of a slicing.json.`;
    throw new AppError('FILE_NOT_FOUND', message, { option: '--scheduler', path: file });
  }
  const given = Object.entries({ sparsity, width, round, 'slice-head': sliceHead || null });
  const extra = given.find(([, value]) => value !== null);
  if (extra) {
    const message = `--${extra[0]} has no meaning beside --scheduler ${file}: the file says every width.`;
    throw new AppError('USAGE', message, { option: `--${extra[0]}` });
  }
  const widths = await readSlicingConfig(file);
  try {
    check(widths);
    return widths;
  } catch (error) {
    const { code, message, details } = AppError.from(error);
    throw new AppError(code, `${file}: ${message}`, { ...details, file }, error);
  }
}

/** Options that have no meaning where nothing is calibrated, by whether they were given: whether they are not as usual. */
function denseOptions({
  scheduler,
  signals,
  orientation,
  precision,
  paperCompat,
  calibration,
}: SliceRecipe): Record<string, boolean> {
  const usual = calibrationOptions.parse({});
  return {
    '--scheduler variance': scheduler === 'variance',
    '--signals': signals !== null,
    '--orientation': orientation !== null,
    '--precision': precision !== 'fp64',
    '--paper-compat': paperCompat,
    '--calibration': calibration.texts.join('\n') !== usual.texts.join('\n'),
    '--samples': calibration.samples !== usual.samples,
    '--length': calibration.length !== usual.length,
    '--sampling': calibration.sampling !== usual.sampling,
    '--seed': calibration.seed !== usual.seed,
  };
}

/** @throws USAGE */
function refuseDenseOptions(recipe: SliceRecipe, model: string): void {
  const [option] = Object.entries(denseOptions(recipe)).find(([, isGiven]) => isGiven) ?? [];
  if (option === undefined) return;
  const message = `${option} needs the dense model: ${model} was sliced already, and is only cut again along its own directions, without calibration. Leave it away.`;
  throw new AppError('USAGE', message, { option: option.split(' ')[0] });
}
