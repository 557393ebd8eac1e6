// Tensor names and shapes that families share. Source: transformers models/llama/modeling_llama.py (and mistral, qwen2,
// qwen3 of the same form); llama.cpp gguf-py/gguf/constants.py (TENSOR_NAMES). A family spreads the parts it has.
import type { LayerRole, LayerTensor, LayerTensors, LinearRole, SizeName } from './architecture.ts';

/** Tensors outside of the layers, in both forms. */
export const globalTensors = {
  embeddings: { huggingFace: 'model.embed_tokens.weight', gguf: 'token_embd.weight' },
  finalNorm: { huggingFace: 'model.norm.weight', gguf: 'output_norm.weight' },
  lmHead: { huggingFace: 'lm_head.weight', gguf: 'output.weight' },
  /** Divisors of the rotary frequencies [hd / 2]; Hugging Face has them in its config. */
  ropeDivisors: { huggingFace: null, gguf: 'rope_freqs.weight' },
} as const;
export type GlobalRole = keyof typeof globalTensors;

/** What only models sliced block by block have: x·S takes the residual into the basis of a step's output. */
export type ShortcutRole = 'attentionShortcut' | 'mlpShortcut';
/** Behind `model.layers.N.`, as SliceGPT's released code saves them: parameters of the layer itself (rotate.py). */
export const shortcutNames: Readonly<Record<ShortcutRole, string>> = {
  attentionShortcut: 'attn_shortcut_Q',
  mlpShortcut: 'mlp_shortcut_Q',
};

/** Tensors without weights of their own: tables that old checkpoints carry. */
export const ignoredTensors = /\.rotary_emb\.inv_freq$/;

const linears: Readonly<Record<LinearRole, readonly [string, string, SizeName, SizeName]>> = {
  q: ['self_attn.q_proj', 'attn_q', 'query', 'hidden'],
  k: ['self_attn.k_proj', 'attn_k', 'keyValue', 'hidden'],
  v: ['self_attn.v_proj', 'attn_v', 'keyValue', 'hidden'],
  o: ['self_attn.o_proj', 'attn_output', 'hidden', 'query'],
  gate: ['mlp.gate_proj', 'ffn_gate', 'intermediate', 'hidden'],
  up: ['mlp.up_proj', 'ffn_up', 'intermediate', 'hidden'],
  down: ['mlp.down_proj', 'ffn_down', 'hidden', 'intermediate'],
};

const weight = (huggingFace: string, gguf: string, shape: LayerTensor['shape']): LayerTensor => ({
  huggingFace: `${huggingFace}.weight`,
  gguf: `${gguf}.weight`,
  shape,
  isOptional: false,
});

/** The seven matrices and two norms that every such block has. */
export const gatedBlock = {
  attentionNorm: weight('input_layernorm', 'attn_norm', ['hidden']),
  mlpNorm: weight('post_attention_layernorm', 'ffn_norm', ['hidden']),
  ...(Object.fromEntries(
    Object.entries(linears).map(([role, [huggingFace, gguf, out, into]]) => [
      role,
      weight(huggingFace, gguf, [out, into]),
    ]),
  ) as Record<LinearRole, LayerTensor>),
} satisfies LayerTensors;

/** Norms of each query and key head. */
export const headNorms = {
  qNorm: weight('self_attn.q_norm', 'attn_q_norm', ['head']),
  kNorm: weight('self_attn.k_norm', 'attn_k_norm', ['head']),
} satisfies LayerTensors;

/** Biases of the linears named. */
export function biases(roles: readonly LinearRole[], presence: 'optional' | 'always'): LayerTensors {
  return Object.fromEntries(
    roles.map((role): [LayerRole, LayerTensor] => {
      const [huggingFace, gguf, out] = linears[role];
      const names = { huggingFace: `${huggingFace}.bias`, gguf: `${gguf}.bias` };
      return [`${role}Bias`, { ...names, shape: [out], isOptional: presence === 'optional' }];
    }),
  );
}
