// Slicing block by block as a stage: which widths are asked for, and the folder itself.
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { DeviceName, SliceRecipe } from '../../contract/recipe.ts';
import type { SlicingConfig } from '../../contract/results.ts';
import type { WidthSchedule } from '../../contract/worker-api.ts';
import type { Decoder } from '../../core/architectures/decoder.ts';
import { folderOf } from '../../core/formats/model-source.ts';
import { constantWidths, siteLayout, slicingConfigOf } from '../../core/slicing/per-block/site-widths.ts';
import { readSlicingConfig } from '../../core/slicing/per-block/sliced-folder.ts';
import type { WorkerClient } from '../children.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { graphProvider } from './device.ts';
import { howMuch } from './slice.ts';

/** Widths are multiples of it where the user names none: the released code's round interval. */
export const roundInterval = 8;

type Cuts = Pick<SliceRecipe, 'scheduler' | 'sparsity' | 'width' | 'round' | 'sliceHead'>;

/** What a recipe asks of the widths; `decoder` has not been sliced. @throws USAGE, FILE_NOT_FOUND, FILE_MALFORMED */
export async function perBlockSchedule(recipe: Cuts, decoder: Decoder): Promise<WidthSchedule> {
  const { scheduler, sparsity, width, sliceHead } = recipe;
  const round = recipe.round ?? roundInterval;
  if (scheduler !== 'constant' && scheduler !== 'variance') {
    return { scheduler: 'explicit', widths: await explicitWidths(recipe) };
  }
  if (sparsity !== null) return { scheduler, sparsity, round, sliceHead };
  if (width === null) throw new AppError('USAGE', howMuch, { option: '--sparsity' });
  if (scheduler === 'variance') {
    const message = '--scheduler variance finds widths for a mean --sparsity: give that instead of --width.';
    throw new AppError('USAGE', message, { option: '--width' });
  }
  if (recipe.round !== null && width % recipe.round !== 0) {
    const message = `A width of ${width} is no multiple of ${recipe.round}, as --round asks for.`;
    throw new AppError('USAGE', message, { width, round: recipe.round });
  }
  const layout = siteLayout(decoder);
  const widths = constantWidths(layout, width, sliceHead);
  return { scheduler: 'explicit', widths: slicingConfigOf(layout, widths, sliceHead) };
}

/** The widths of a file that the user wrote or another slice left. @throws USAGE beside other measures */
export async function explicitWidths({
  scheduler: file,
  sparsity,
  width,
  round,
  sliceHead,
}: Cuts): Promise<SlicingConfig> {
  const given = Object.entries({ sparsity, width, round, 'slice-head': sliceHead || null });
  const extra = given.find(([, value]) => value !== null);
  if (extra) {
    const message = `--${extra[0]} has no meaning beside --scheduler ${file}: the file says every width.`;
    throw new AppError('USAGE', message, { option: `--${extra[0]}` });
  }
  return readSlicingConfig(file);
}

export interface PerBlockOptions
  extends
    Pick<SliceRecipe, 'precision' | 'paperCompat'>,
    Required<Pick<Parameters<WorkerClient['slicePerBlock']>[0], 'type' | 'orientation' | 'signals'>> {
  /** A GGUF file, or a folder that was not sliced. */
  source: string;
  /** All of one length. */
  windows: Int32Array[];
  schedule: WidthSchedule;
  seed: number;
  /** Answer those of every site. @default false */
  eigenvalues?: boolean;
  device: DeviceName;
  /** A folder that is made. */
  output: string;
  /** For progress. */
  detail?: string;
}

export type PerBlockMade = Awaited<ReturnType<WorkerClient['slicePerBlock']>>;

/** Slices a model into a folder. @throws USAGE on widths, NON_FINITE, NUMERICAL_FAILURE naming the site, DISK_FULL, CANCELLED */
export async function makePerBlock(context: JobContext, options: PerBlockOptions): Promise<PerBlockMade> {
  const { device, detail, ...rest } = options;
  const isFile = options.source.endsWith('.gguf');
  return stage(context, 'slice', async () => {
    const made = await context.worker((client) =>
      client.slicePerBlock(
        {
          ...rest,
          provider: graphProvider(device),
          threads: context.threads,
          tokenizerFrom: isFile ? null : folderOf(options.source),
          scratch: path.join(context.scratch, 'slice'),
        },
        { signal: context.signal, onProgress: reportAs(context, 'slice', detail) },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    return made;
  });
}
