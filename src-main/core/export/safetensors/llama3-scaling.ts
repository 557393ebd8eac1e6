// Llama 3's scaling told from rope_freqs.weight, the divisors that llama.cpp's converter makes of it: the inverse of
// ropeDivisors (core/architectures/rope.ts). The file does not hold the parameters themselves.
import { AppError } from '../../../contract/errors.ts';
import { ropeDivisors, ropeFrequencies } from '../../architectures/rope.ts';
import type { RopeScaling } from '../../architectures/rope-scaling.ts';

/** The factors of every model with this scaling so far (Llama 3.1 to 3.3, and those trained from them). */
const lowFreqFactor = 1;
const highFreqFactor = 4;
/** Llama 3's first length, where no divisor lies between 1 and the factor to tell it by. */
const usualContext = 8192;
/** Largest relative difference: the converter rounds frequencies and waves to float32. */
const tolerance = 2e-6;

/**
 * The scaling whose divisors these are, [hd / 2]; null where all are 1.
 * @throws UNSUPPORTED_ARCHITECTURE when Llama 3's scaling does not give them
 */
export function llama3ScalingOf(divisors: Float32Array, ropeTheta: number, model: string): RopeScaling | null {
  if (divisors.every((value) => value === 1)) return null;
  const factor = divisors.reduce((most, value) => Math.max(most, value));
  const scaling = { factor, lowFreqFactor, highFreqFactor, originalContext: contextOf(divisors, factor, ropeTheta) };
  const expected = ropeDivisors(scaling, ropeTheta, divisors.length * 2);
  const isIt = divisors.every((value, index) => Math.abs(value / expected[index]! - 1) <= tolerance);
  if (isIt) return scaling;
  const message =
    `${model} scales its rotary embeddings by a rope_freqs.weight that is not Llama 3's scaling with factors ` +
    `${lowFreqFactor} and ${highFreqFactor}; a config.json cannot say it. Write the model as GGUF or ONNX instead.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: model, factor });
}

/** From the divisor nearest to the middle of 1 and the factor, solved for the waves of its frequency. */
function contextOf(divisors: Float32Array, factor: number, ropeTheta: number): number {
  const blended = Array.from(divisors.keys()).filter((index) => divisors[index]! > 1 && divisors[index]! < factor);
  if (blended.length === 0) return usualContext;
  const frequencies = ropeFrequencies(ropeTheta, divisors.length * 2);
  const contexts = blended.map((index) => {
    const smooth = (1 / divisors[index]! - 1 / factor) / (1 - 1 / factor);
    const waves = lowFreqFactor + smooth * (highFreqFactor - lowFreqFactor);
    return { context: (waves * 2 * Math.PI) / frequencies[index]!, distance: Math.abs(smooth - 0.5) };
  });
  return Math.round(contexts.reduce((best, one) => (one.distance < best.distance ? one : best)).context);
}
