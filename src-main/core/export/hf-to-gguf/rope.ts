// Scaling of rotary positions: Llama 3's goes into a tensor of divisors, linear scaling into two keys.
// Source: llama.cpp v0.4.0, conversion/llama.py (generate_extra_tensors) and conversion/base.py (TextModel).
import type { ConfigJson, RopeScaling } from './model-folder.ts';

export interface NamedScaling {
  kind: string;
  settings: RopeScaling;
}

/** The scaling that a config asks for; null for none. `rope_parameters` is the name since transformers 5. */
export function ropeScalingOf(config: ConfigJson): NamedScaling | null {
  const settings = config.rope_parameters ?? config.rope_scaling;
  const kind = (settings?.rope_type ?? settings?.type)?.toLowerCase() ?? 'default';
  return !settings || kind === 'default' ? null : { kind, settings };
}

/** Which wavelengths are kept, blended and divided. */
export interface Llama3Scaling {
  ropeTheta: number;
  headDim: number;
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  originalContext: number;
}

export function llama3Scaling(
  config: ConfigJson,
  { settings }: NamedScaling,
  base: { ropeTheta: number; headDim: number },
): Llama3Scaling {
  return {
    ...base,
    factor: settings.factor ?? 8,
    lowFreqFactor: settings.low_freq_factor ?? 1,
    highFreqFactor: settings.high_freq_factor ?? 4,
    originalContext: settings.original_max_position_embeddings ?? config.original_max_position_embeddings ?? 8192,
  };
}

/**
 * rope_freqs.weight [headDim / 2] float32: what each frequency is divided by. Frequencies are rounded to float32 where
 * the converter's torch does so, for the same bytes.
 */
export function llama3RopeFactors(scaling: Llama3Scaling): Float32Array {
  const { ropeTheta, headDim, factor, lowFreqFactor, highFreqFactor, originalContext } = scaling;
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
