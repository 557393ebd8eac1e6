// What slicing by a shared rotation is expected to lose before it is measured; docs/planning.md has the figures and
// where each is from. Loss = slope · sparsity · min(1, (parameters / 134.5e6)^exponent), in nats per token.
import type { LossPrior } from './prior.ts';
import { perplexityRatioOf } from './prior.ts';

/** Two widths of a 134.5M model, one shared rotation: 0.702 / 0.111 and 1.497 / 0.222 nats per token. */
const slope = 6.5;
const measuredParameters = 134.5e6;
/** From that model to Llama-2 7B sliced block by block: ln(8.25 / 5.12) at 12.5%, ln(16.84 / 5.12) at 25%. */
const sizeExponent = -0.1;
/** Factors between which every published figure of docs/planning.md lies: calibration on the text measured makes the
 * loss far smaller, a heavily trained model makes it larger. */
const lowest = 1 / 5.5;
const highest = 2.5;
/** A small model need not fill its width: the bundled sample (6.8M) loses a seventieth of what the formula says. */
const smallModel = { parameters: 50e6, lowest: 1 / 70 };

/** Expected loss of a slice in floating point. `sparsity` = 1 - width / hidden size. */
export function predictSlice(sparsity: number, parameters: number): Pick<LossPrior, 'kld' | 'kldLow' | 'kldHigh'> {
  const scale = Math.min(1, (Math.max(parameters, 1) / measuredParameters) ** sizeExponent);
  const kld = slope * sparsity * scale;
  const low = parameters < smallModel.parameters ? smallModel.lowest : lowest;
  return { kld, kldLow: kld * low, kldHigh: kld * highest };
}

/**
 * Loss of a slice whose weights are quantised too: the sum, since the KL divergence of small independent changes adds up
 * (HIGGS, arXiv 2411.17525, theorem 1). No publication measures slices with types, so the bounds add up as well.
 */
export function withTypes(slice: Pick<LossPrior, 'kld' | 'kldLow' | 'kldHigh'>, types: LossPrior): LossPrior {
  const kld = slice.kld + types.kld;
  return {
    kld,
    kldLow: slice.kldLow + types.kldLow,
    kldHigh: slice.kldHigh + types.kldHigh,
    perplexityRatio: perplexityRatioOf(kld),
  };
}
