// What a family of models is to the converter: one declarative file each, listed in registry.ts.
// Source: llama.cpp v0.4.0, conversion/*.py and gguf-py/gguf/tensor_mapping.py.

/** Sizes that shapes of tensors are made of. */
export type Dimension =
  | 'hidden'
  | 'vocabulary'
  | 'feedForward'
  | 'queries'
  | 'keys'
  | 'head'
  | 'queriesKeysValues'
  | 'gateUp';

export interface TensorRule {
  /** Name in the GGUF file, without `.weight`; `{layer}` stands for the number of the block. */
  gguf: string;
  /** Name in the folder, without `.weight` and without a leading `model.`. */
  hf: string;
  /** Fastest dimension first; one dimension = a vector, always written as F32. */
  shape: readonly [Dimension] | readonly [columns: Dimension, rows: Dimension];
  /** Rows of each of so many heads go from two halves to pairs, as llama.cpp's interleaved rope wants them. */
  permutedHeads?: 'queries' | 'keys';
  /** A vector `.bias` may be there too; `needed`: has to be. */
  mayHaveBias?: boolean | 'needed';
  /** Left out where the embedding serves as output layer. */
  isHead?: boolean;
}

/** How a folder's tokenizer is looked for, as the family's converter does. */
export type VocabularyKind = 'sentencepiece' | 'llama-hf' | 'byte-level';

export interface Family {
  /** `model_type` in config.json; nothing else selects a family. */
  modelType: string;
  /** Values of config.json's `architectures` that are plain causal models of this family. */
  architectures: readonly string[];
  /** general.architecture. */
  ggufArchitecture: string;
  tensors: readonly TensorRule[];
  /** Values that transformers fills in where config.json is silent (configuration_*.py of 4.57). */
  defaults: {
    ropeTheta: number;
    normEps: number;
    contextLength: number;
    /** null: hidden size / heads. */
    headDim: number | null;
    /** null: as many as query heads. */
    numKeyValueHeads: number | null;
    slidingWindow: number | null;
  };
  /** Values of `hidden_act` that llama.cpp's graph computes. @default ['silu'] */
  activations?: readonly string[];
  /** Of LayerNorms, not RMS norms. @default false */
  hasLayerNorms?: boolean;
  /** Share of a head that rotates where config.json is silent; null: llama.cpp's graph turns whole heads. @default null */
  rotaryShare?: number | null;
  /** A sliding window that llama.cpp's graph ignores: the file's context ends with it. @default false: refused */
  ignoresWindow?: boolean;
  /** Forms of `rope_scaling` that llama.cpp's graph of this architecture computes. */
  ropeScalings: readonly ('linear' | 'llama3')[];
  /** Sliding windows count only where `use_sliding_window` is true. */
  hasWindowSwitch: boolean;
  /** Tried in order. */
  vocabularies: readonly VocabularyKind[];
  /** ARCH.vocab_size and ARCH.rope.dimension_count. */
  writesRopeDimension: boolean;
  /** tokenizer.ggml.add_space_prefix from tokenizer_config.json. */
  writesSpacePrefix: boolean;
  /** Corrections by vocabulary size, applied last. */
  vocabularyQuirks: Readonly<Record<number, { addBos?: boolean; eot?: number }>>;
}

const block = (name: string): string => `blk.{layer}.${name}`;
const layer = (name: string): string => `layers.{layer}.${name}`;

/** Linears of a block by their GGUF names. */
export const linears = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'] as const;
type Linear = (typeof linears)[number];

export interface DecoderTraits {
  permutesRopeRows: boolean;
  hasHeadNorms: boolean;
  /** Linears that may have a bias, in transformers' model and in llama.cpp's loader, which refuses any other. */
  biases: readonly Linear[];
}

/** The tensors of a LLaMA-like decoder: pre-norm, grouped-query attention with rope, gated feed-forward layer. */
export function decoderTensors({ permutesRopeRows, hasHeadNorms, biases }: DecoderTraits): TensorRule[] {
  const linear = (gguf: Linear, hf: string, shape: TensorRule['shape']): TensorRule => ({
    gguf: block(gguf),
    hf: layer(hf),
    shape,
    mayHaveBias: biases.includes(gguf),
  });
  const permuted = (heads: 'queries' | 'keys'): Pick<TensorRule, 'permutedHeads'> =>
    permutesRopeRows ? { permutedHeads: heads } : {};
  const headNorms: TensorRule[] = [
    { gguf: block('attn_q_norm'), hf: layer('self_attn.q_norm'), shape: ['head'] },
    { gguf: block('attn_k_norm'), hf: layer('self_attn.k_norm'), shape: ['head'] },
  ];
  return [
    { gguf: 'token_embd', hf: 'embed_tokens', shape: ['hidden', 'vocabulary'] },
    { gguf: 'output_norm', hf: 'norm', shape: ['hidden'] },
    { gguf: 'output', hf: 'lm_head', shape: ['hidden', 'vocabulary'], isHead: true },
    { gguf: block('attn_norm'), hf: layer('input_layernorm'), shape: ['hidden'] },
    { ...linear('attn_q', 'self_attn.q_proj', ['hidden', 'queries']), ...permuted('queries') },
    { ...linear('attn_k', 'self_attn.k_proj', ['hidden', 'keys']), ...permuted('keys') },
    linear('attn_v', 'self_attn.v_proj', ['hidden', 'keys']),
    linear('attn_output', 'self_attn.o_proj', ['queries', 'hidden']),
    ...(hasHeadNorms ? headNorms : []),
    { gguf: block('ffn_norm'), hf: layer('post_attention_layernorm'), shape: ['hidden'] },
    linear('ffn_gate', 'mlp.gate_proj', ['hidden', 'feedForward']),
    linear('ffn_up', 'mlp.up_proj', ['hidden', 'feedForward']),
    linear('ffn_down', 'mlp.down_proj', ['feedForward', 'hidden']),
  ];
}
