// Which slices are worth a plan: of the types whose files are just too large, at the widest width that fits. A type that
// fits unsliced loses less as it is, and a narrower slice of the same type only loses more. Where only slices are asked for,
// also of types that fit.
import type { Plan, SliceStep } from '../../contract/plan.ts';
import type { Orientation } from '../../contract/recipe.ts';
import { ggmlTypeByName } from '../formats/ggml-types.ts';
import { sharedWidth } from '../slicing/shared-width.ts';
import type { Candidate } from './candidates.ts';

const sparsities = [0.1, 0.15, 0.2, 0.25, 0.3] as const;
/** Rounding to whole blocks may take more than was meant; beyond this nothing of use is left. */
const largestSparsity = 0.35;
/** Rows of the older types are whole blocks of 32; float rows are kept to the same, which every kernel likes. */
const smallestBlock = 32;
/** Types that are tried, and slices that become plans. */
const mostTypes = 12;
const mostSlices = 4;

/** Widths, widest first, at which rows of a sliced stream can have `type`: whole blocks of it. Empty where there are none. */
export function sliceWidths(hiddenSize: number, type: string): number[] {
  const block = Math.max(smallestBlock, ggmlTypeByName(type)?.blockSize ?? 1);
  if (block > hiddenSize) return [];
  const widths = sparsities
    .map((wanted) => sharedWidth(hiddenSize, wanted, block))
    .filter(({ sparsity }) => sparsity > 0 && sparsity <= largestSparsity)
    .map(({ width }) => width);
  return [...new Set(widths)];
}

/**
 * Types whose files are too large, nearest first: those that no smaller file beats in loss. Where nothing but slices is
 * wanted, one that fits stands in no slice's way, and the types are the nearest to the target on either side.
 */
export function typesToSlice<Entry extends { plan: Plan }>(
  entries: readonly Entry[],
  { by, onlySlices }: { by: 'memory' | 'file'; onlySlices: boolean },
): Entry[] {
  const size = ({ plan }: Entry): number => (by === 'memory' ? plan.memory.totalBytes : plan.fileBytes);
  const loss = ({ plan }: Entry): number => plan.predicted.kld;
  const fits = onlySlices ? [] : entries.filter(({ plan }) => plan.fits);
  const tooLarge = entries
    .filter((entry) => !fits.includes(entry))
    .sort((a, b) => size(a) - size(b) || loss(a) - loss(b));
  let least = Math.min(...fits.map(loss), Infinity);
  const useful = tooLarge.filter((entry) => {
    const isUseful = loss(entry) < least;
    if (isUseful) least = loss(entry);
    return isUseful;
  });
  if (!onlySlices) return useful.slice(0, mostTypes);
  const [below, above] = [useful.filter(({ plan }) => plan.fits), useful.filter(({ plan }) => !plan.fits)];
  const nearestAbove = above.slice(0, Math.max(mostTypes / 2, mostTypes - below.length));
  return [...below.slice(Math.max(0, below.length - mostTypes + nearestAbove.length)), ...nearestAbove];
}

/** The slices that become plans: those that fit, by expected loss, then the others, by size. */
export function bestSlices<Entry extends { plan: Plan }>(entries: readonly Entry[], by: 'memory' | 'file'): Entry[] {
  const size = ({ plan }: Entry): number => (by === 'memory' ? plan.memory.totalBytes : plan.fileBytes);
  const sorted = [...entries].sort(({ plan: a }, { plan: b }) => a.predicted.kld - b.predicted.kld);
  const fitting = sorted.filter(({ plan }) => plan.fits);
  const tooLarge = sorted.filter(({ plan }) => !plan.fits).sort((a, b) => size(a) - size(b));
  return [...fitting, ...tooLarge].slice(0, mostSlices);
}

/**
 * A slice whose weights are quantised is turned within the kept space where nothing else is wished, which spreads outliers
 * (QuaRot, arXiv 2404.00456; docs/planning.md has what it gains here).
 */
export function sliceStep(
  width: number,
  hiddenSize: number,
  { isQuantized, wished }: { isQuantized: boolean; wished: Orientation | null },
): SliceStep {
  const orientation = wished ?? (isQuantized ? 'hadamard' : 'pca');
  return { method: 'slice', kind: 'shared', width, hiddenSize, sparsity: 1 - width / hiddenSize, orientation };
}

/** A candidate's sliced form: `slice-512+q4_k_m`, or `slice-512` for the source's own floating-point type. */
export function slicedCandidate(
  candidate: Candidate,
  { width, hiddenSize }: SliceStep,
  types: Readonly<Record<string, string>>,
): Candidate {
  const isFloat = candidate.type === null;
  const written = isFloat ? 'weights not quantised' : candidate.summary;
  return {
    ...candidate,
    id: isFloat ? `slice-${width}` : `slice-${width}+${candidate.id}`,
    summary: `sliced to ${width} of ${hiddenSize} columns, ${written}`,
    types,
  };
}

/** The slice a plan begins with, or null. */
export const sliceOf = (plan: Plan): SliceStep | null => plan.steps.find((step) => step.method === 'slice') ?? null;

/** The best plan that fits: a slice, which only a measurement can choose, only where nothing else fits. `plans` best first. */
export function bestPlan(plans: readonly Plan[]): Plan | null {
  const fitting = plans.filter(({ fits }) => fits);
  return fitting.find((plan) => sliceOf(plan) === null) ?? fitting[0] ?? null;
}
