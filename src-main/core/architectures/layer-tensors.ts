// Tensor names and shapes that families share. Source: transformers models/llama/modeling_llama.py (and mistral, qwen2,
// qwen3 of the same form); llama.cpp gguf-py/gguf/constants.py (TENSOR_NAMES). A family spreads the parts it has.
import type {
  GlobalRole,
  GlobalTensor,
  LayerRole,
  LayerTensor,
  LayerTensors,
  LinearRole,
  Siblings,
  SizeName,
} from './architecture.ts';

/** Tensors outside of the layers as llama has them, in both forms. */
export const decoderGlobals = {
  embeddings: { huggingFace: 'model.embed_tokens.weight', gguf: 'token_embd.weight' },
  finalNorm: { huggingFace: 'model.norm.weight', gguf: 'output_norm.weight' },
  lmHead: { huggingFace: 'lm_head.weight', gguf: 'output.weight' },
  /** Divisors of the rotary frequencies; Hugging Face has them in its config. */
  ropeDivisors: { huggingFace: null, gguf: 'rope_freqs.weight' },
} as const satisfies Partial<Record<GlobalRole, GlobalTensor>>;

/** What only models sliced block by block have: x·S takes the residual into the basis of a step's output. */
export type ShortcutRole = 'attentionShortcut' | 'mlpShortcut';
/** Behind `model.layers.N.`, as SliceGPT's released code saves them: parameters of the layer itself (rotate.py). */
export const shortcutNames: Readonly<Record<ShortcutRole, string>> = {
  attentionShortcut: 'attn_shortcut_Q',
  mlpShortcut: 'mlp_shortcut_Q',
};

/** Tensors without weights of their own: tables that old checkpoints carry. */
export const ignoredTensors = /\.rotary_emb\.inv_freq$/;

type LinearNames = readonly [huggingFace: string, gguf: string, out: SizeName, into: SizeName];

const linears = {
  q: ['self_attn.q_proj', 'attn_q', 'query', 'hidden'],
  k: ['self_attn.k_proj', 'attn_k', 'keyValue', 'hidden'],
  v: ['self_attn.v_proj', 'attn_v', 'keyValue', 'hidden'],
  o: ['self_attn.o_proj', 'attn_output', 'hidden', 'query'],
  gate: ['mlp.gate_proj', 'ffn_gate', 'intermediate', 'hidden'],
  up: ['mlp.up_proj', 'ffn_up', 'intermediate', 'hidden'],
  down: ['mlp.down_proj', 'ffn_down', 'hidden', 'intermediate'],
} as const satisfies Readonly<Record<LinearRole, LinearNames>>;

const tensor = (huggingFace: string, gguf: string, shape: LayerTensor['shape']): LayerTensor => ({
  huggingFace,
  gguf,
  shape,
  isOptional: false,
});

const weight = (huggingFace: string, gguf: string, shape: LayerTensor['shape']): LayerTensor =>
  tensor(`${huggingFace}.weight`, `${gguf}.weight`, shape);

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
      const bias = tensor(`${huggingFace}.bias`, `${gguf}.bias`, [out]);
      return [`${role}Bias`, { ...bias, isOptional: presence === 'optional' }];
    }),
  );
}

/** A LayerNorm: its weight and bias under `role`. */
export function layerNorm(role: 'attentionNorm' | 'mlpNorm', huggingFace: string, gguf: string): LayerTensors {
  return {
    [role]: weight(huggingFace, gguf, ['hidden']),
    [`${role}Bias`]: tensor(`${huggingFace}.bias`, `${gguf}.bias`, ['hidden']),
  };
}

/** Matrices without a gate, each with its bias, under Hugging Face's names; a GGUF's are the usual ones. */
export function biasedLinears(
  names: Readonly<Partial<Record<LinearRole, string>>>,
  presence: 'optional' | 'always',
): LayerTensors {
  return Object.fromEntries(
    (Object.entries(names) as [LinearRole, string][]).flatMap(([role, huggingFace]): [LayerRole, LayerTensor][] => {
      const [, gguf, out, into] = linears[role];
      const bias = tensor(`${huggingFace}.bias`, `${gguf}.bias`, [out]);
      return [
        [role, weight(huggingFace, gguf, [out, into])],
        [`${role}Bias`, { ...bias, isOptional: presence === 'optional' }],
      ];
    }),
  );
}

const siblingsOf = (roles: readonly LinearRole[], role: LinearRole): Siblings => {
  const [rows, index] = [roles.map((one) => linears[one][2]), roles.indexOf(role)];
  return { before: rows.slice(0, index), behind: rows.slice(index + 1) };
};

/** The same linears, which in GGUF files of old converters lie in one tensor, and their biases in another. */
export function maybeJoined(tensors: LayerTensors, gguf: string, roles: readonly LinearRole[]): LayerTensors {
  return {
    ...tensors,
    ...Object.fromEntries(
      roles.flatMap((role) => {
        const siblings = siblingsOf(roles, role);
        return [
          [role, { ...tensors[role]!, ggufJoined: { gguf: `${gguf}.weight`, siblings } }],
          [`${role}Bias`, { ...tensors[`${role}Bias`]!, ggufJoined: { gguf: `${gguf}.bias`, siblings } }],
        ];
      }),
    ),
  };
}

/** Matrices that lie in one tensor, in order: each is a range of its rows. */
export function joinedLinears(huggingFace: string, gguf: string, roles: readonly LinearRole[]): LayerTensors {
  return Object.fromEntries(
    roles.map((role): [LayerRole, LayerTensor] => [
      role,
      {
        ...weight(huggingFace, gguf, [linears[role][2], linears[role][3]]),
        siblings: siblingsOf(roles, role),
      },
    ]),
  );
}
