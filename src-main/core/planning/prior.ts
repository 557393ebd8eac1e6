// The stated prior of the planner: what a plan is expected to lose before anything is measured.
// Loss of a file = mean over its weights of the loss its type costs when every weight has it, times a factor for size.
// Loss that a setting costs besides is a preference in the same unit, so that one sum ranks all plans.

import { elementCount, type TensorEntry } from '../formats/tensor.ts';

/**
 * Mean KL divergence in nats per token (weights only, with importance) when every matrix of the model has this type.
 * Measured on a 135M model (types with blocks of 32) and by ratio on the bundled sample (blocks of 256); docs/planning.md
 * has the protocol. Float types lose nothing; from 2 bits down the numbers only order the types.
 */
const lossOfType: Readonly<Record<string, number>> = {
  F64: 0,
  F32: 0,
  F16: 0,
  BF16: 0.0001,
  Q8_0: 0.00135,
  Q6_K: 0.005,
  Q5_1: 0.0214,
  Q5_K: 0.022,
  Q5_0: 0.0667,
  Q4_K: 0.072,
  Q4_1: 0.075,
  IQ4_NL: 0.163,
  IQ4_XS: 0.17,
  Q4_0: 0.25,
  IQ3_S: 0.34,
  Q3_K: 0.4,
  IQ3_XXS: 0.54,
  IQ2_S: 1.01,
  MXFP4: 1.25,
  Q2_K: 1.35,
  IQ2_XS: 1.4,
  IQ2_XXS: 2,
  IQ1_M: 4.5,
  IQ1_S: 5,
  Q2_0: 5,
  Q1_0: 6,
  TQ2_0: 6,
  TQ1_0: 6,
};

/** Size of the model the table was measured on, and how the loss falls with size (a weak power; published tables agree in sign only). */
const measuredParameters = 134.5e6;
const sizeExponent = -0.2;
/** A prediction from the prior may be off by this factor either way. */
const uncertainty = 3;
/** exp(KLD) is a usable estimate of the perplexity ratio for small losses; the exponent is capped for large ones. */
const largestExponent = 20;

export interface WeightShare {
  type: string;
  elements: number;
}

export interface LossPrior {
  kld: number;
  kldLow: number;
  kldHigh: number;
  perplexityRatio: number;
}

/**
 * Expected loss of a file against its source: `types` per tensor name; tensors that keep their type lose nothing, and
 * vectors (norms, biases) are not counted.
 */
export function predictFile(
  tensors: readonly Pick<TensorEntry, 'name' | 'type' | 'shape'>[],
  types: Readonly<Record<string, string>>,
  parameters: number,
): LossPrior {
  const shares = tensors
    .filter(({ shape }) => shape.length > 1)
    .map(({ name, type, shape }) => {
      const target = types[name] ?? type;
      return { type: target === type ? 'F32' : target, elements: elementCount(shape)! };
    });
  return predictLoss(shares, parameters);
}

/** Expected loss of a model whose matrices have these types. */
export function predictLoss(shares: readonly WeightShare[], parameters: number): LossPrior {
  const total = shares.reduce((sum, { elements }) => sum + elements, 0);
  const mean = shares.reduce(
    (sum, { type, elements }) => sum + (lossOfType[type] ?? 0) * (elements / Math.max(1, total)),
    0,
  );
  const scale = Math.min(1, (Math.max(parameters, 1) / measuredParameters) ** sizeExponent);
  const kld = mean * scale;
  return {
    kld,
    kldLow: kld / uncertainty,
    kldHigh: kld * uncertainty,
    perplexityRatio: perplexityRatioOf(kld),
  };
}

/** exp(loss), capped: an estimate of the perplexity ratio. */
export const perplexityRatioOf = (kld: number): number => Math.exp(Math.min(kld, largestExponent));

/** Extra loss of a quantised KV cache, in nats per token: a rule of thumb, to be measured by the full planner. */
export const kvCacheLoss: Readonly<Record<string, number>> = {
  f32: 0,
  f16: 0,
  bf16: 0,
  q8_0: 0.001,
  q5_1: 0.005,
  q5_0: 0.007,
  iq4_nl: 0.02,
  q4_1: 0.02,
  q4_0: 0.03,
};

/** Preference against plans that do less or run slower, as if they lost this many nats. */
export const preferenceAgainst = {
  /** All experts of the model on the CPU; in proportion for some. */
  expertsOnCpu: 0.15,
  /** All layers on the CPU; in proportion for some. */
  layersOnCpu: 0.6,
  /** Each halving of the context asked for. */
  halvedContext: 0.3,
} as const;
