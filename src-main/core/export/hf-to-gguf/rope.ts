// Llama 3's scaling of rotary frequencies as a tensor of divisors.
// Source: llama.cpp v0.4.0, conversion/llama.py (generate_extra_tensors).
import type { RopeScaling } from '../../architectures/rope-scaling.ts';

/**
 * rope_freqs.weight [headDim / 2] float32: what each frequency is divided by. Rounded to float32 wherever the
 * converter's torch does so, for the same bytes as its file has; exact numbers, which differ from these by 1e-6 at most
 * (an interpolated wave), are ropeDivisors of core/architectures/rope.ts.
 */
export function llama3RopeFactors(
  { factor, lowFreqFactor, highFreqFactor, originalContext }: RopeScaling,
  { ropeTheta, headDim }: { ropeTheta: number; headDim: number },
): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, index) => {
    const exponent = Math.fround((2 * index) / headDim);
    const frequency = Math.fround(1 / Math.fround(ropeTheta ** exponent));
    const wavelength = Math.fround((2 * Math.PI) / frequency);
    if (wavelength < originalContext / highFreqFactor) return 1;
    if (wavelength > originalContext / lowFreqFactor) return factor;
    const smooth = Math.fround(
      Math.fround(Math.fround(originalContext / wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor),
    );
    return 1 / Math.fround(Math.fround(Math.fround(1 - smooth) / factor) + smooth);
  });
}
