// Rotary position embeddings: which scaling has graphs, and the tables of angles.
// Source: transformers modeling_rope_utils.py (_compute_llama3_parameters); llama.cpp src/llama-model.cpp (rope keys).
import { isJsonObject } from '../formats/json-object.ts';
import type { RopeTables } from '../graph/graph-builder.ts';
import type { ModelFacts } from './model-facts.ts';
import { llama3Scaling, namedScaling } from './rope-scaling.ts';
import type { RopeScaling } from './rope-scaling.ts';

/** Scalings that are not built, by the names in use: for people. */
const unbuilt: Readonly<Record<string, string>> = {
  yarn: 'YaRN',
  longrope: 'LongRoPE',
  su: 'LongRoPE',
  dynamic: 'dynamic NTK',
  linear: 'linear',
};

/** The scaling of a config.json or GGUF header as its author names it, null for none. */
function scalingName(facts: ModelFacts): string | null {
  if (facts.isGguf) {
    const factor = facts.number({ gguf: 'rope.scaling.factor' }) ?? facts.number({ gguf: 'rope.scale_linear' }) ?? 1;
    // llama.cpp takes a missing type for linear, and linear by 1 (or 0) changes nothing.
    const type = facts.text({ gguf: 'rope.scaling.type' }) ?? 'linear';
    // Phi 3's long forms have no key of their own.
    if (facts.model.tensors.some(({ name }) => name.startsWith('rope_factors_'))) return 'longrope';
    return type === 'none' || (type === 'linear' && (factor === 1 || factor === 0)) ? null : type;
  }
  return namedScaling(facts.model.configJson ?? {})?.name ?? null;
}

/** Refuses every scaling but Llama 3's, by name. */
export function refuseRopeScaling(facts: ModelFacts): string | null {
  const name = scalingName(facts);
  if (name === null || (name === 'llama3' && !facts.isGguf)) return null;
  return `its rotary embeddings use ${unbuilt[name] ?? name} scaling ("${name}"), which is not built`;
}

/**
 * Dimensions of a head that rotary embeddings turn; `share` is that of a silent config.json. null where the size of heads is not known.
 */
export function rotaryDimensions(facts: ModelFacts, share: number): number | null {
  const { config, configJson } = facts.model;
  const { headDim } = config;
  if (facts.isGguf) return facts.number({ gguf: 'rope.dimension_count' }) ?? headDim;
  const places = [configJson, configJson?.['rope_parameters'], configJson?.['rope_scaling']].filter(isJsonObject);
  const told = places.map((fields) => fields['partial_rotary_factor']).find((value) => typeof value === 'number');
  return headDim && Math.floor(headDim * (told ?? share));
}

/** Llama 3's scaling of a config.json, null without one. @throws FILE_MALFORMED when a number is missing */
export function readRopeScaling({ model }: ModelFacts): RopeScaling | null {
  const config = model.configJson ?? {};
  const scaling = namedScaling(config);
  if (scaling?.name !== 'llama3') return null;
  return llama3Scaling(config, scaling, { file: model.path, contextLength: model.config.contextLength });
}

/** Frequencies base^(-2j/r) in radians per token of r dimensions that rotate, float64 [r / 2]. */
export function ropeFrequencies(theta: number, rotaryDim: number): Float64Array {
  return Float64Array.from({ length: rotaryDim / 2 }, (_, index) => theta ** ((-2 * index) / rotaryDim));
}

/**
 * What Llama 3's scaling divides each frequency by, float64 [r / 2]: the numbers that rope_freqs.weight holds. The
 * graphs want the exact ones; the conversion to GGUF rounds between steps as torch does (export/hf-to-gguf/rope.ts).
 */
export function ropeDivisors(scaling: RopeScaling, theta: number, rotaryDim: number): Float64Array {
  const { factor, lowFreqFactor, highFreqFactor, originalContext } = scaling;
  return ropeFrequencies(theta, rotaryDim).map((frequency) => {
    const waves = (originalContext * frequency) / (2 * Math.PI);
    if (waves > highFreqFactor) return 1;
    if (waves < lowFreqFactor) return factor;
    const smooth = (waves - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** Cosines and sines of every position below `length`, computed in float64. `divisors` [r / 2], null for ones. */
export function ropeTables(
  { ropeTheta, rotaryDim }: { ropeTheta: number; rotaryDim: number },
  length: number,
  divisors: ArrayLike<number> | null,
): RopeTables {
  const half = rotaryDim / 2;
  const cos = new Float32Array(length * half);
  const sin = new Float32Array(length * half);
  ropeFrequencies(ropeTheta, rotaryDim).forEach((frequency, index) => {
    const scaled = frequency / (divisors?.[index] ?? 1);
    for (let position = 0; position < length; position += 1) {
      cos[position * half + index] = Math.cos(position * scaled);
      sin[position * half + index] = Math.sin(position * scaled);
    }
  });
  return { cos, sin };
}
