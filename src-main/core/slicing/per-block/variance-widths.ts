// Widths by variance (paper, appendix A.4 and Table 6; the released code has no such
// scheduler): every site keeps the same share of its signal's energy, and that share is the one at which the mean sparsity
// is what was asked for. Spectra come from a pass that slices nothing, because widths have to be known before the first cut.
// The paper found it better than one width on OPT and worse on Llama.
import type { SiteGram } from './site-basis.ts';
import { constantWidth, siteLayout, siteNames } from './site-widths.ts';
import type { SiteLayout } from './site-widths.ts';
import type { StepState } from './slice-per-block.ts';
import { factsOf, openStepStream, stepAt } from './step-stream.ts';
import type { SiteReport, StreamOptions } from './step-stream.ts';
import { stepFeeds } from './step-weights.ts';

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

export interface SpectraOptions extends Omit<StreamOptions, 'precision'> {
  /** What an earlier call finished, beside its residual. @default null */
  resume?: StepState | null;
  /** Told at every site what another call needs to go on there. */
  onStep?: (state: StepState) => Promise<void>;
}

/**
 * Eigenvalues [D] float64, descending, of every site's undamped Gram in the dense model: one pass, and an eigenproblem without
 * vectors per site. @throws as slicePerBlock
 */
export async function siteSpectra(options: SpectraOptions): Promise<Float64Array[]> {
  const { decoder, linearAlgebra, signal, resume = null, onStep = async () => {} } = options;
  const names = siteNames(siteLayout(decoder));
  const { hiddenSize: size } = decoder.config;
  const sites: SiteReport[] = resume ? [...resume.sites] : [];
  const widths = names.map(() => size);
  const stream = await openStepStream(options, { names, widths, done: resume?.steps ?? 0 });
  const feedsOf = stepFeeds(options);

  async function gramAt(index: number): Promise<SiteGram> {
    if (index === 0) return stream.embed();
    const { layer, step } = stepAt(decoder, index - 1);
    return stream.run({ index: index - 1, complement: null, feeds: await feedsOf(layer, step) });
  }

  try {
    stream.tell(sites.map(factsOf));
    for (let index = sites.length; index < names.length; index += 1) {
      signal.throwIfAborted();
      const name = names[index]!;
      const { gram } = await gramAt(index);
      const eigenvalues = await linearAlgebra.eigvalsh({ what: name, matrix: gram, size }, signal);
      const site = { name, width: size, eigenvalues, damping: 0, energyLost: 0, orthogonality: 0 };
      sites.push(site);
      stream.tell([factsOf(site)]);
      await onStep({ steps: index, input: null, sites });
    }
    return sites.map(({ eigenvalues }) => eigenvalues);
  } finally {
    await stream.close();
  }
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
