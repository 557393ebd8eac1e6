// Variants of known families that our graphs would compute wrongly: each rule names what it found.
// Source: transformers configuration_*.py of the families; llama.cpp src/llama-model.cpp (load_hparams).
import type { Activation } from '../graph/graph-builder.ts';
import type { Architecture, LayerTensor, Refusal } from './architecture.ts';
import type { ModelFacts } from './model-facts.ts';
import { refuseRopeScaling, rotaryDimensions } from './rope.ts';

/** How transformers calls activations. Source: activations.py (ACT2CLS). */
const activationNames: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  gelu: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
};
const activationLabels: Readonly<Record<Activation, string>> = {
  silu: 'SiLU',
  relu: 'ReLU',
  gelu: 'GELU',
  geluTanh: "GELU's approximation by tanh",
};

const activationName = (facts: ModelFacts): string | null =>
  ['hidden_act', 'hidden_activation', 'activation_function']
    .map((huggingFace) => facts.text({ huggingFace }))
    .find((name) => name !== null) ?? null;

/** The activation of a config.json; null where it is silent, as GGUF files are, or names one without a graph. */
export function readActivation(facts: ModelFacts): Activation | null {
  const name = activationName(facts);
  return name === null ? null : (activationNames[name] ?? null);
}

/** An activation that the family's models do not have. */
const refuseActivation: Refusal = (facts, { activations }) => {
  const name = activationName(facts);
  const found = readActivation(facts);
  if (name === null || (found !== null && activations.includes(found))) return null;
  return `its MLP uses ${name}, not ${activations.map((known) => activationLabels[known]).join(' or ')}`;
};

/** Routed experts, as in Mixtral's GGUF files, which call themselves llama. */
const refuseExperts: Refusal = ({ model }) =>
  model.experts === null ? null : `it is a mixture of ${model.experts.count} experts, which has no graph yet`;

/** Tokens that attention sees, where that differs from seeing all within the model's context; else null. */
export function activeWindow(facts: ModelFacts, { slidingWindow }: Pick<Architecture, 'slidingWindow'>): number | null {
  const { configJson } = facts.model;
  const isSilent = configJson !== undefined && configJson['sliding_window'] === undefined;
  const told = facts.number({ huggingFace: 'sliding_window', gguf: 'attention.sliding_window' });
  const window = (isSilent ? slidingWindow?.silent : told) ?? 0;
  const { contextLength, numHiddenLayers } = facts.model.config;
  if (window <= 0 || window >= (contextLength ?? Infinity)) return null;
  const kinds = facts.value({ huggingFace: 'layer_types' });
  // Qwen2 and Qwen3 without a list of kinds: the window slides from layer max_window_layers on.
  const firstLayer = facts.number({ huggingFace: 'max_window_layers' }) ?? 0;
  const isOn =
    facts.value({ huggingFace: 'use_sliding_window' }) !== false && firstLayer < (numHiddenLayers ?? Infinity);
  return (Array.isArray(kinds) ? kinds.includes('sliding_attention') : isOn) ? window : null;
}

/** A sliding window, in families whose windows of tokens it does not bound. */
const refuseSlidingWindow: Refusal = (facts, family) => {
  const window = family.slidingWindow ? null : activeWindow(facts, family);
  if (window === null) return null;
  return `it attends only to the last ${window} tokens (an active sliding window), which is not built`;
};

/** Rotary embeddings on a part of each head, in families that always turn whole heads. */
const refusePartialRotary: Refusal = (facts, { positions }) => {
  if (positions.kind === 'learned' || positions.share !== 'whole') return null;
  const { headDim } = facts.model.config;
  const dimensions = rotaryDimensions(facts, 1);
  if (dimensions === null || dimensions === headDim) return null;
  return `its rotary embeddings turn ${dimensions} of ${headDim} dimensions of a head`;
};

/** Layers of different sizes: heads or widths per layer. */
const refuseUnevenLayers: Refusal = (facts) => {
  const names = ['attention.head_count', 'attention.head_count_kv', 'feed_forward_length'];
  const uneven = names.find((name) => {
    const value = facts.value({ gguf: name });
    return Array.isArray(value) && new Set(value).size > 1;
  });
  return uneven === undefined ? null : `its layers differ in ${uneven}`;
};

/** Values of another size than keys. */
const refuseValueSize: Refusal = (facts) => {
  const size = facts.number({ gguf: 'attention.value_length' });
  const { headDim } = facts.model.config;
  return size === null || size === headDim ? null : `its values have ${size} dimensions and its keys ${headDim}`;
};

/** Factors on embeddings, residuals, logits or attention, as in Granite's GGUF files. */
const refuseScales: Refusal = (facts) => {
  const names = ['embedding_scale', 'residual_scale', 'logit_scale', 'attention.scale', 'attention.clamp_kqv'];
  const found = names.find((name) => ![null, 0, 1].includes(facts.number({ gguf: name })));
  return found === undefined ? null : `it scales by ${found}, which has no graph yet`;
};

/**
 * Inputs of attention in another form than the family's files have: q, k and v in one tensor or each in its own, without
 * biases. llama.cpp takes all of these in most families. Source: llama-model.cpp (create_tensor_qkv).
 */
const refuseOtherInputs: Refusal = (facts, { layer }) => {
  if (!facts.isGguf) return null;
  const names = new Set(facts.model.tensors.map(({ name }) => name));
  const inputs = [layer.q, layer.k, layer.v, layer.qBias, layer.kBias, layer.vBias];
  const isMissing = (tensor: LayerTensor): boolean =>
    [tensor, tensor.ggufJoined].every((form) => !form || !names.has(`blk.0.${form.gguf}`));
  const missing = inputs.find((tensor) => tensor && !tensor.isOptional && isMissing(tensor));
  if (missing === undefined) return null;
  return `it has no blk.0.${missing.gguf}: queries, keys and values are in another form than this family's, which has no graph`;
};

/** What no decoder may have. */
export const decoderRefusals: readonly Refusal[] = [
  refuseActivation,
  refuseExperts,
  refuseRopeScaling,
  refuseSlidingWindow,
  refusePartialRotary,
  refuseUnevenLayers,
  refuseValueSize,
  refuseScales,
  refuseOtherInputs,
];
