// Comparison of log-probabilities as method 6 of the proof has it.

/** Tokens that one side gives at least this probability are compared; the tail is noise. */
const smallestProbability = 0.01;

/**
 * Largest absolute difference of two sets of log-probabilities (float32, same layout), over the tokens that either side
 * gives p >= 0.01. NaN where a compared value is not finite.
 */
export function largestLogProbDifference(reference: Float32Array, candidate: Float32Array): number {
  const floor = Math.log(smallestProbability);
  let largest = 0;
  for (let index = 0; index < reference.length; index++) {
    const a = reference[index]!;
    const b = candidate[index]!;
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
    if (a < floor && b < floor) continue;
    largest = Math.max(largest, Math.abs(a - b));
  }
  return largest;
}

/** Mean over rows of `vocabSize` of KL(reference || candidate) in nats, from log-probabilities, in float64. */
export function meanDivergence(reference: Float32Array, candidate: Float32Array, vocabSize: number): number {
  let sum = 0;
  for (const [index, value] of reference.entries()) sum += Math.exp(value) * (value - candidate[index]!);
  return sum / (reference.length / vocabSize);
}
