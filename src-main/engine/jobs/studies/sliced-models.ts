// A sliced model of a study, in the job's scratch folder, measured and gone again: block by block, or by one rotation.
import type { SliceStep } from '../../../contract/plan.ts';
import type { Precision } from '../../../contract/recipe.ts';
import type { WidthSchedule } from '../../../contract/worker-api.ts';
import { constantWidths, siteLayout, slicingConfigOf } from '../../../core/slicing/per-block/site-widths.ts';
import { requireWidth } from '../../../core/slicing/shared-width.ts';
import { makePerBlock, roundInterval, type PerBlockMade } from '../../stages/per-block.ts';
import { floatTypeOf, makeSlice, planSlice, roundOf, widthOfSparsity } from '../../stages/slice.ts';
import type { BlockStatistics } from '../../stages/statistics.ts';
import { defaultSparsity, methodOf } from './check-study.ts';
import { withScratch, type Study } from './open-study.ts';

/** What is told of a sliced model beside its quality. */
export interface SlicedFacts {
  sparsity: number;
  parametersAfter: number;
  fileBytes: number;
  /** Per block the largest of a site. */
  energyLost: number;
}

export interface Sliced extends SlicedFacts {
  /** The folder, or the GGUF. */
  path: string;
  /** Of a per-block slice. */
  made: PerBlockMade | null;
}

interface PerBlockRequest {
  /** All of one length. */
  windows: readonly Int32Array[];
  schedule: WidthSchedule;
  precision?: Precision;
  eigenvalues?: boolean;
  detail: string;
}

/** Slices block by block, gives the folder to `use`, and removes it. @throws as makePerBlock */
export async function withPerBlock<T>(
  study: Study,
  { windows, schedule, eigenvalues = false, detail, ...request }: PerBlockRequest,
  use: (sliced: Sliced & { made: PerBlockMade }) => Promise<T>,
): Promise<T> {
  const { context, recipe, source } = study;
  return withScratch(study, 'sliced', async (output) => {
    const made = await makePerBlock(context, {
      ...{ source: source.path, windows: [...windows], schedule, output, device: recipe.device, detail, eigenvalues },
      ...{ precision: request.precision ?? recipe.precision, paperCompat: recipe.paperCompat },
      ...{ type: floatTypeOf(recipe.type)!, orientation: recipe.orientation ?? 'pca' },
      ...{ signals: recipe.signals ?? 'raw', seed: recipe.calibration.seed },
    });
    const { sparsity, parametersAfter, fileBytes } = made;
    const energyLost = Math.max(...made.sites.map((site) => site.energyLost));
    return use({ path: output, sparsity, parametersAfter, fileBytes, energyLost, made });
  });
}

interface SharedRequest {
  statistics: BlockStatistics;
  width: number;
  /** A float type or a named mix. */
  type: string;
  detail: string;
}

/** Slices by one rotation, gives the GGUF to `use`, and removes it. @throws as planSlice, makeSlice */
export async function withShared<T>(
  study: Study,
  { statistics, width, type, detail }: SharedRequest,
  use: (sliced: Sliced) => Promise<T>,
): Promise<T> {
  const { context, recipe, source, decoder } = study;
  const { hiddenSize } = decoder.config;
  const isFloat = floatTypeOf(type) !== null;
  const orientation = recipe.orientation ?? (isFloat ? 'pca' : 'hadamard');
  const sparsity = 1 - width / hiddenSize;
  const step: SliceStep = { method: 'slice', kind: 'shared', width, hiddenSize, sparsity, orientation };
  const importance = !isFloat;
  const planned = await planSlice(context, { source: source.path, step, type, importance });
  return withScratch(study, 'sliced.gguf', async (output) => {
    const { fileBytes, energyLost } = await makeSlice(context, {
      ...{ source: source.path, statistics, planned, step, type, importance, output, detail },
      seed: recipe.calibration.seed,
    });
    const { parametersAfter } = planned.sizes;
    return use({ path: output, sparsity, parametersAfter, fileBytes, energyLost, made: null });
  });
}

/** Slices as the recipe's method and cut say; `statistics` makes those of a shared rotation. */
export async function withSliced<T>(
  study: Study,
  {
    windows,
    statistics,
    detail,
  }: { windows: readonly Int32Array[]; statistics: () => Promise<BlockStatistics>; detail: string },
  use: (sliced: Sliced) => Promise<T>,
): Promise<T> {
  const { recipe } = study;
  if (methodOf(recipe) === 'per-block') return withPerBlock(study, { windows, schedule: cutOf(study), detail }, use);
  const width = sharedWidthOf(study, recipe.sparsity ?? defaultSparsity, recipe.type);
  return withShared(study, { statistics: await statistics(), width, type: recipe.type, detail }, use);
}

/** The widths of a study that does not vary them. @throws USAGE */
export function cutOf({ recipe, decoder }: Study): WidthSchedule {
  const { sparsity, width, sliceHead } = recipe;
  const round = recipe.round ?? roundInterval;
  if (width === null) return { scheduler: 'constant', sparsity: sparsity ?? defaultSparsity, round, sliceHead };
  const layout = siteLayout(decoder);
  const widths = slicingConfigOf(layout, constantWidths(layout, width, sliceHead), sliceHead);
  return { scheduler: 'explicit', widths };
}

/** The width of a shared rotation. @throws USAGE where the type cannot have it */
export function sharedWidthOf({ recipe, decoder }: Study, sparsity: number, type: string): number {
  const { hiddenSize } = decoder.config;
  const step = recipe.round ?? roundOf(type);
  if (recipe.width === null) return widthOfSparsity({ sparsity, step, type }, hiddenSize);
  requireWidth(recipe.width, hiddenSize);
  return recipe.width;
}
