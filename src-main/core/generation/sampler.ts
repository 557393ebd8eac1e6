// How the next token is chosen from logits.
import { AppError } from '../../contract/errors.ts';
import { seededRandom } from '../texts/seeded-random.ts';

export interface SamplingOptions {
  /** Logits are divided by it; 0: the most likely token, always. */
  temperature: number;
  /** Only this many of the most likely tokens can be drawn; null for all. */
  topK: number | null;
  /** The same seed draws the same tokens from the same logits. */
  seed: number;
}

/** Chooses a token from logits [V] float32; one sampler serves one text. @throws NON_FINITE */
export type Sampler = (logits: Float32Array) => number;

export function createSampler({ temperature, topK, seed }: SamplingOptions): Sampler {
  const random = seededRandom(seed);
  return (logits) => {
    const best = mostLikely(logits);
    if (temperature === 0) return best;
    // Of float64: small logits shall not be lost beside large ones.
    const largest = logits[best]!;
    const least = topK === null || topK >= logits.length ? -Infinity : kthLargest(logits, topK);
    // Of equal logits at the border the first ones are in.
    let equals = topK === null ? 0 : topK - count(logits, (logit) => logit > least);
    const weights = Float64Array.from(logits, (logit) => {
      if (logit < least) return 0;
      if (logit === least) {
        equals -= 1;
        if (equals < 0) return 0;
      }
      return Math.exp((logit - largest) / temperature);
    });
    return drawn(weights, random());
  };
}

/** The token of the largest logit, the first of equals. */
function mostLikely(logits: Float32Array): number {
  let best = 0;
  for (const [token, logit] of logits.entries()) {
    if (!Number.isFinite(logit)) {
      const message = `The model gives ${logit} as the logit of token ${token}: no token can be chosen.`;
      throw new AppError('NON_FINITE', message, { token, value: String(logit) });
    }
    if (logit > logits[best]!) best = token;
  }
  return best;
}

const kthLargest = (values: Float32Array, k: number): number => values.toSorted().at(-k)!;

const count = (values: Float32Array, isCounted: (value: number) => boolean): number =>
  values.reduce((sum, value) => (isCounted(value) ? sum + 1 : sum), 0);

/** The index at which the running sum of weights passes the share `at` of all. */
function drawn(weights: Float64Array, at: number): number {
  let left = at * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (const [token, weight] of weights.entries()) {
    if (weight === 0) continue;
    last = token;
    left -= weight;
    if (left < 0) break;
  }
  return last;
}
