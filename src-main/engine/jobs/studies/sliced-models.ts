// A sliced model of a study, in the job's scratch folder, measured and gone again: block by block, or by one rotation.
import { AppError } from '../../../contract/errors.ts';
import type { Precision, StudyRecipe } from '../../../contract/recipe.ts';
import { usualSparsity } from '../../../contract/study.ts';
import type { WidthSchedule } from '../../../contract/worker/slicing.ts';
import type { Decoder } from '../../../core/architectures/decoder.ts';
import { sliceStep } from '../../../core/planning/slices.ts';
import { makePerBlock, type PerBlockMade } from '../../stages/per-block.ts';
import { perBlockSchedule } from '../../stages/per-block-widths.ts';
import { floatTypeOf, makeSlice, planSlice, sharedWidthOf } from '../../stages/slice.ts';
import type { BlockStatistics } from '../../stages/statistics.ts';
import { methodOf, valuesOf } from './check-study.ts';
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
      ...{ source, windows: [...windows], schedule, output, device: recipe.device, detail, eigenvalues },
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
  const step = sliceStep(width, hiddenSize, { isQuantized: !isFloat, wished: recipe.orientation });
  const importance = !isFloat;
  const planned = await planSlice(context, { source: source.path, step, type, importance });
  return withScratch(study, 'sliced.gguf', async (output) => {
    const { fileBytes, energyLost } = await makeSlice(context, {
      ...{ source: source.path, statistics, planned, step, type, importance, output, detail },
      seed: recipe.calibration.seed,
    });
    const { parametersAfter } = planned.sizes;
    return use({ path: output, sparsity: step.sparsity, parametersAfter, fileBytes, energyLost, made: null });
  });
}

/** The width of a shared rotation that cuts a share, or why the type cannot have it. */
export function possibleWidth({ recipe, decoder }: Study, sparsity: number, type: string): number | string {
  try {
    const { round, kind } = recipe;
    const advice = `Name a larger share with --values, or another ${kind === 'combination' ? 'of --types' : '--type'}.`;
    return sharedWidthOf({ sparsity, width: null, round, type }, decoder.config.hiddenSize, advice);
  } catch (error) {
    return AppError.from(error).message;
  }
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
  if (methodOf(recipe) === 'per-block')
    return withPerBlock(study, { windows, schedule: await cutOf(study), detail }, use);
  const width = sharedWidthOf({ ...recipe, ...measureOf(recipe) }, study.decoder.config.hiddenSize);
  return withShared(study, { statistics: await statistics(), width, type: recipe.type, detail }, use);
}

/** What a study cuts that does not vary it. */
const measureOf = ({ sparsity, width }: StudyRecipe): Pick<StudyRecipe, 'sparsity' | 'width'> => ({
  sparsity: width === null ? (sparsity ?? usualSparsity) : null,
  width,
});

/** The widths of a per-block slice of such a study. @throws USAGE */
export const cutOf = ({ recipe, decoder }: Pick<Study, 'recipe' | 'decoder'>): Promise<WidthSchedule> =>
  perBlockSchedule({ ...recipe, ...measureOf(recipe), scheduler: 'constant' }, decoder);

/** Refuses, before any work, widths that a model cannot have. @throws USAGE */
export async function checkCuts(recipe: StudyRecipe, decoder: Decoder): Promise<void> {
  if (methodOf(recipe) === 'shared') return; // says of each value why not
  if (recipe.kind !== 'sparsity') return void (await cutOf({ recipe, decoder }));
  for (const sparsity of valuesOf.sparsity(recipe)) {
    await perBlockSchedule({ ...recipe, sparsity, width: null, scheduler: 'constant' }, decoder);
  }
}
