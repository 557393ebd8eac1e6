// Widths by variance (paper, appendix A.4 and Table 6; the released code has no such
// scheduler): every site keeps the same share of its signal's energy, and that share is the one at which the mean sparsity
// is what was asked for. Spectra come from a pass that slices nothing, because widths have to be known before the first cut.
// The paper found it better than one width on OPT and worse on Llama.
import { slicePerBlock } from './slice-per-block.ts';
import type { PerBlockOptions } from './slice-per-block.ts';
import type { FindBasis } from './site-basis.ts';
import { constantWidth, constantWidths, siteLayout, slicingConfigOf } from './site-widths.ts';
import type { SiteLayout } from './site-widths.ts';

export interface VarianceOptions {
  /** Mean of 1 - width / D over the sites that are cut. */
  sparsity: number;
  /** Widths are multiples of it, or D. */
  round: number;
  sliceHead: boolean;
}

export interface VarianceWidths {
  /** Of all sites. */
  widths: number[];
  /** Every site keeps at least this share of its energy. */
  retained: number;
  /** The mean sparsity that results: at least what was asked for. */
  sparsity: number;
}

/**
 * Eigenvalues [D] float64, descending, of every site's undamped Gram in the dense model. One pass and an eigenproblem without
 * vectors per site; nothing is written. @throws as slicePerBlock
 */
export async function siteSpectra(
  options: Omit<PerBlockOptions, 'widths' | 'findBasis' | 'write' | 'precision'>,
): Promise<Float64Array[]> {
  const { decoder, linearAlgebra, signal } = options;
  const layout = siteLayout(decoder);
  const findBasis: FindBasis = async ({ name: what, size }, gram) => {
    const eigenvalues = await linearAlgebra.eigvalsh({ what, matrix: gram, size }, signal);
    return { basis: identity(size), eigenvalues, damping: 0, energyLost: 0, orthogonality: 0 };
  };
  const widths = slicingConfigOf(layout, constantWidths(layout, layout.hiddenSize, false), false);
  const sites = await slicePerBlock({ ...options, widths, findBasis, write: () => Promise.resolve() });
  return sites.map(({ eigenvalues }) => eigenvalues);
}

function identity(size: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let index = 0; index < size; index += 1) matrix[index * (size + 1)] = 1;
  return matrix;
}

/** A width, and the share of the energy behind it. */
interface Cut {
  width: number;
  dropped: number;
}

/** The widths that a site may have, ascending. */
function cutsOf(spectrum: Float64Array, round: number): Cut[] {
  const size = spectrum.length;
  // Eigenvalues of a Gram are not negative but for rounding.
  const tails = new Float64Array(size + 1);
  for (let index = size - 1; index >= 0; index -= 1) tails[index] = tails[index + 1]! + Math.max(0, spectrum[index]!);
  const cuts: Cut[] = [];
  for (let width = round; width < size; width += round) cuts.push({ width, dropped: tails[width]! / (tails[0]! || 1) });
  return [...cuts, { width: size, dropped: 0 }];
}

/**
 * The widths at which every site drops at most one share of its energy: the smallest share, found by bisection over all that
 * occur, whose mean sparsity reaches what was asked for. `spectra` as siteSpectra gives them.
 * @throws USAGE when sparsity or round are impossible
 */
export function varianceWidths(
  layout: SiteLayout,
  spectra: readonly Float64Array[],
  { sparsity: wanted, round, sliceHead }: VarianceOptions,
): VarianceWidths {
  const { hiddenSize } = layout;
  constantWidth(hiddenSize, wanted, round);
  const sites = spectra.slice(0, sliceHead ? undefined : -1).map((spectrum) => cutsOf(spectrum, round));
  const widthsAt = (share: number): number[] =>
    sites.map((cuts) => cuts.find(({ dropped }) => dropped <= share)!.width);
  const sparsityOf = (widths: number[]): number =>
    widths.reduce((sum, width) => sum + 1 - width / hiddenSize, 0) / widths.length;
  const shares = [...new Set(sites.flatMap((cuts) => cuts.map(({ dropped }) => dropped)))].toSorted((a, b) => a - b);
  let [low, high] = [0, shares.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sparsityOf(widthsAt(shares[middle]!)) >= wanted) high = middle;
    else low = middle + 1;
  }
  const widths = widthsAt(shares[low]!);
  const sparsity = sparsityOf(widths);
  return { widths: sliceHead ? widths : [...widths, hiddenSize], retained: 1 - shares[low]!, sparsity };
}
