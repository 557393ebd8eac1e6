// Variants of known families that our graphs would compute wrongly: each rule names what it found.
// Source: transformers configuration_*.py of the families; llama.cpp src/llama-model.cpp (load_hparams).
import type { Refusal } from './architecture.ts';
import { refuseRopeScaling } from './rope.ts';

/** An activation other than SiLU. */
const refuseActivation: Refusal = (facts) => {
  const name = facts.text({ huggingFace: 'hidden_act' }) ?? facts.text({ huggingFace: 'hidden_activation' });
  return name === null || name === 'silu' || name === 'swish' ? null : `its MLP uses ${name}, not SiLU`;
};

/** Routed experts, as in Mixtral's GGUF files, which call themselves llama. */
const refuseExperts: Refusal = ({ model }) =>
  model.experts === null ? null : `it is a mixture of ${model.experts.count} experts, which has no graph yet`;

/** Attention that sees only the last tokens, where that differs from seeing all within the model's context. */
const refuseSlidingWindow: Refusal = (facts) => {
  const window = facts.number({ huggingFace: 'sliding_window', gguf: 'attention.sliding_window' }) ?? 0;
  const { contextLength, numHiddenLayers } = facts.model.config;
  if (window <= 0 || window >= (contextLength ?? Infinity)) return null;
  const kinds = facts.value({ huggingFace: 'layer_types' });
  // Qwen2 and Qwen3 without a list of kinds: the window slides from layer max_window_layers on.
  const firstLayer = facts.number({ huggingFace: 'max_window_layers' }) ?? 0;
  const isOn =
    facts.value({ huggingFace: 'use_sliding_window' }) !== false && firstLayer < (numHiddenLayers ?? Infinity);
  if (!(Array.isArray(kinds) ? kinds.includes('sliding_attention') : isOn)) return null;
  return `it attends only to the last ${window} tokens (an active sliding window), which is not built`;
};

/** Rotary embeddings on a part of each head. */
const refusePartialRotary: Refusal = (facts) => {
  const share = facts.number({ huggingFace: 'partial_rotary_factor' }) ?? 1;
  const dimensions = facts.number({ gguf: 'rope.dimension_count' });
  const { headDim } = facts.model.config;
  if (share === 1 && (dimensions === null || dimensions === headDim)) return null;
  return `its rotary embeddings turn ${dimensions ?? share * (headDim ?? 0)} of ${headDim} dimensions of a head`;
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

/** What no decoder of the llama form may have. */
export const decoderRefusals: readonly Refusal[] = [
  refuseActivation,
  refuseExperts,
  refuseRopeScaling,
  refuseSlidingWindow,
  refusePartialRotary,
  refuseUnevenLayers,
  refuseValueSize,
  refuseScales,
];
