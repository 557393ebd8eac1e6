// Figures of an evaluation from the per-token values of its windows (method 6), in float64.
// W windows, T_w predictions of window w, N all predictions. Everything is a mean over tokens (for windows of one length the
// same as the mean over windows); perplexity = exp(mean NLL). Tokens of one window are not independent of each other, so
// standard errors come from the windows wherever there are two.
import type { WindowComparison } from '../../contract/llama-host-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { Quality } from '../../contract/results.ts';

export type QualityFigures = Pick<
  Quality,
  | 'dense'
  | 'compressed'
  | 'perplexityRatio'
  | 'perplexityRatioStandardError'
  | 'kld'
  | 'topOneAgreement'
  | 'topOneStandardError'
>;

/**
 * A KL divergence is not negative; rounding in float32 makes nearly equal distributions give -1e-7 or so. Down to this
 * it counts as 0, below it the two sides were not distributions and the value is refused.
 */
const smallestKld = -1e-4;

/**
 * Perplexities with standard errors, and their ratio, KLD and top-1 agreement where windows have a reference.
 * @throws NON_FINITE with window and token index; INTERNAL for no window, unequal lengths or a KLD below -1e-4.
 */
export function summarise(windows: WindowComparison[]): QualityFigures {
  windows.forEach(check);
  if (windows.length === 0) throw new AppError('INTERNAL', 'There is no window to summarise.');
  const candidates = windows.map((window) => window.candidateNll);
  const compressed = perplexity(candidates);
  const references = present(windows, 'referenceNll');
  const kld = present(windows, 'kld');
  const sameTop = present(windows, 'sameTop');
  const dense = references && perplexity(references);
  return {
    ...(dense && { dense }),
    compressed,
    ...(references && ratio(candidates, references)),
    ...(kld && { kld: divergence(kld) }),
    ...(sameTop && agreement(sameTop)),
  };
}

/** exp(mean NLL); its standard error is that of the mean times the perplexity (delta method). */
function perplexity(windows: Float32Array[]): { perplexity: number; standardError: number } {
  const { mean, standardError } = clusteredMean(windows);
  const result = Math.exp(mean);
  if (!Number.isFinite(result))
    throw new AppError('NON_FINITE', `The mean NLL of ${mean} nats has no finite perplexity.`, { meanNll: mean });
  return { perplexity: result, standardError: result * standardError };
}

/** exp(mean difference of the NLLs): both sides saw the same tokens, so its error is smaller than either perplexity's. */
function ratio(
  candidates: Float32Array[],
  references: Float32Array[],
): Pick<Quality, 'perplexityRatio' | 'perplexityRatioStandardError'> {
  const differences = candidates.map((window, index) =>
    Float64Array.from(window, (value, token) => value - references[index]![token]!),
  );
  const { mean, standardError } = clusteredMean(differences);
  return { perplexityRatio: Math.exp(mean), perplexityRatioStandardError: Math.exp(mean) * standardError };
}

function agreement(windows: Uint8Array[]): Pick<Quality, 'topOneAgreement' | 'topOneStandardError'> {
  const { mean, standardError } = clusteredMean(windows);
  return { topOneAgreement: mean, topOneStandardError: standardError };
}

function divergence(windows: Float32Array[]): NonNullable<QualityFigures['kld']> {
  const clamped = windows.map((window) => Float64Array.from(window, (value) => Math.max(0, value)));
  const all = Float64Array.from(clamped.flatMap((window) => Array.from(window))).sort();
  return { ...clusteredMean(clamped), p99: percentile(all, 0.99) };
}

/**
 * Mean m over all tokens. Standard error with W >= 2: sqrt(W/(W-1) Σ_w (S_w - m T_w)²) / N with S_w the sum of window w
 * (ratio estimator, Cochran, Sampling Techniques, 6.4); equal windows make it the standard error over window means.
 * With one window: over its tokens.
 */
function clusteredMean(windows: (Float64Array | Float32Array | Uint8Array)[]): { mean: number; standardError: number } {
  const tokens = windows.reduce((count, window) => count + window.length, 0);
  const sums = windows.map(sum);
  const mean = sum(sums) / tokens;
  if (windows.length === 1) return { mean, standardError: standardErrorOfMean(windows[0]!, mean) };
  const squares = sum(sums.map((total, index) => (total - mean * windows[index]!.length) ** 2));
  return { mean, standardError: Math.sqrt((windows.length / (windows.length - 1)) * squares) / tokens };
}

function standardErrorOfMean(values: ArrayLike<number>, mean: number): number {
  if (values.length < 2) return 0;
  let squares = 0;
  for (let index = 0; index < values.length; index++) squares += (values[index]! - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Between the two nearest of the sorted values, in proportion, as llama.cpp's perplexity tool has it. */
function percentile(sorted: Float64Array, fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (place - below) * (high - low);
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < values.length; index++) total += values[index]!;
  return total;
}

type Measure = 'referenceNll' | 'kld' | 'sameTop';

/** A measure of every window, or undefined when none has it. */
function present<Name extends Measure>(
  windows: WindowComparison[],
  name: Name,
): NonNullable<WindowComparison[Name]>[] | undefined {
  const values = windows.map((window) => window[name]).filter((value) => value !== null);
  if (values.length === 0) return undefined;
  if (values.length < windows.length)
    throw new AppError('INTERNAL', `Only ${values.length} of ${windows.length} windows have ${name}.`);
  return values;
}

function check(comparison: WindowComparison, window: number): void {
  const { candidateNll, referenceNll, kld, sameTop } = comparison;
  const tokens = candidateNll.length;
  for (const values of [candidateNll, referenceNll, kld, sameTop]) {
    if (tokens === 0 || (values !== null && values.length !== tokens)) {
      throw new AppError('INTERNAL', `Window ${window} has measures of unequal or no length.`, { window, tokens });
    }
  }
  for (const [name, values] of Object.entries({ candidateNll, referenceNll, kld })) {
    const index = values?.findIndex((value) => !Number.isFinite(value)) ?? -1;
    if (index === -1) continue;
    const message = `${name} is ${values![index]} in window ${window} at token ${index + 1}: the model gives no usable probabilities there.`;
    throw new AppError('NON_FINITE', message, { measure: name, window, index });
  }
  const index = kld?.findIndex((value) => value < smallestKld) ?? -1;
  if (index !== -1) {
    throw new AppError(
      'INTERNAL',
      `The KL divergence is ${kld![index]} in window ${window} at index ${index}; it cannot be negative.`,
      { window, index },
    );
  }
}
