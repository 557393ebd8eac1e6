// What Snug has to know of a model family to run and change it. One file per family describes it; generic code asks
// for these properties and never for a family's name.
// Letters: B windows, T tokens, D hidden, H heads, KV key/value heads, hd head size, F intermediate, V vocabulary.
import type { Activation, GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { ModelFacts } from './model-facts.ts';
import type { RopeScaling } from './rope-scaling.ts';

/** A decoder's sizes, complete: nothing is left to a default. */
export interface DecoderConfig {
  hiddenSize: number;
  numHiddenLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  /** Never told from hiddenSize / numAttentionHeads once a model is sliced. */
  headDim: number;
  intermediateSize: number;
  vocabSize: number;
  normEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** Dimensions of a head that rotate, its first ones; 0 where a table tells positions. */
  rotaryDim: number;
  activation: Activation;
  /** Tokens of the longest window that the graphs compute rightly: rows of a table of positions, a sliding window; null for any. */
  longestWindow: number | null;
  /** The output layer is the embedding matrix. */
  tiedEmbeddings: boolean;
}

/** Weights of a block by their part in it, the same for every family and form. An MLP without `gate` is up and down. */
export type LinearRole = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
/** Norms of the residual. */
export type NormRole = 'attentionNorm' | 'mlpNorm';
export type LayerRole = LinearRole | NormRole | `${LinearRole | NormRole}Bias` | 'qNorm' | 'kNorm';
/** Tensors outside of the layers. */
export type GlobalRole =
  | 'embeddings'
  | 'positions'
  | 'finalNorm'
  | 'finalNormBias'
  | 'lmHead'
  | 'lmHeadBias'
  | 'ropeDivisors';

/** Sizes that weights have. */
export type SizeName = 'hidden' | 'query' | 'keyValue' | 'intermediate' | 'head';

export interface LayerTensor {
  /** Behind `model.layers.N.`. */
  huggingFace: string;
  /** Behind `blk.N.`. */
  gguf: string;
  /** [out, in] of a matrix, [out] of a vector. */
  shape: readonly [SizeName, SizeName] | readonly [SizeName];
  /** Some models of the family are without it. */
  isOptional: boolean;
  /** Rows of the same tensor before these and behind them, where one tensor holds several linears. */
  siblings?: Siblings;
  /** The tensor in which some GGUF files of the family have these rows instead. */
  ggufJoined?: { gguf: string; siblings: Siblings };
}

export interface Siblings {
  before: readonly SizeName[];
  behind: readonly SizeName[];
}

export type LayerTensors = Readonly<Partial<Record<LayerRole, LayerTensor>>>;

/** Names of a tensor outside of the layers; null: not in that form. */
export interface GlobalTensor {
  huggingFace: string | null;
  gguf: string | null;
}

/** What a block's graph depends on, besides the family. */
export interface BlockShape {
  hiddenSize: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  intermediateSize: number;
  normEps: number;
  rotaryDim: number;
  activation: Activation;
  /** Tensors that the layer has. */
  roles: ReadonlySet<LayerRole>;
}

/** What attention gets; rows are tokens. */
export interface AttentionInputs {
  /** [N, H·hd] and [N, KV·hd], neither normed nor rotated. */
  q: Value;
  k: Value;
  /** [N, KV·hd]. */
  v: Value;
  /** [hd] weights of the norms of each head, where the family has them. */
  qNorm: Value | null;
  kNorm: Value | null;
}

/** What a block is put together from: over fixed windows (core/graph/window-block.ts) or over a cache (core/export/onnx). */
export interface BlockParts {
  /** The tensor of a role. */
  weight: (role: LayerRole, shape: readonly number[]) => Value;
  /** Norm of the residual [N, D]. */
  norm: (rows: Value, role: NormRole) => Value;
  /** Norms heads, rotates them and attends. Answers [N, H·hd]. */
  attend: (inputs: AttentionInputs) => Value;
  /**
   * The residual behind what a norm leads to: `rows` that were normed, and the branches [N, D] that are added to them. A
   * sliced model takes `rows` into its next basis here (core/slicing/per-block).
   */
  residual: (rows: Value, branches: readonly Value[], role: NormRole) => Value;
}

/** Values of a block's graph that others build on; rows are tokens, N = B·T. */
export interface BlockValues {
  /** [N, D] the residual behind the block. */
  output: Value;
  /** [N, D] norms: the inputs of q, k, v and of gate, up; null where both read one norm. */
  attentionInput: Value;
  mlpInput: Value | null;
  /** [N, H·hd] the input of o; [N, F] the input of down. */
  attentionOutputInput: Value;
  mlpOutputInput: Value;
}

/** A reason why a model of the family cannot be worked on, or null. */
export type Refusal = (facts: ModelFacts, family: Architecture) => string | null;

/** Linears that read a norm. */
export interface NormReaders {
  norm: NormRole;
  linears: readonly LinearRole[];
}

/** `sequential`: x + Attention(norm(x)), then x + MLP(norm(x)). `parallel`: x + Attention(norm(x)) + MLP(norm(x)). */
export type BlockLayout = 'sequential' | 'parallel';

export interface Architecture {
  readonly name: string;
  /** `model_type` of a config.json; nothing else selects the family there. */
  readonly modelTypes: readonly string[];
  /** `general.architecture` of a GGUF file. */
  readonly ggufArchitectures: readonly string[];
  readonly refuses: readonly Refusal[];
  readonly blockLayout: BlockLayout;
  /** `layernorm`: with weight and bias, made an RMS norm before anything else (core/graph/fusion.ts). */
  readonly norm: {
    readonly kind: 'rmsnorm' | 'layernorm';
    /** Where a config.json is silent. */ readonly eps?: number;
  };
  /**
   * `rotary`: of whole heads, or of a share of each: the number is that of a silent config.json.
   * `learned`: a row of a table is added to the embedding; its first `offset` rows are no positions.
   */
  readonly positions:
    | { readonly kind: 'rotary'; readonly share: 'whole' | number }
    | { readonly kind: 'learned'; readonly offset: number };
  /**
   * A sliding window bounds the windows of tokens that are run: within it nothing slides. `silent`: that of a config.json
   * that does not name one. null: a model with a window is refused.
   */
  readonly slidingWindow: { readonly silent: number | null } | null;
  /** That of a silent file first. */
  readonly activations: readonly [Activation, ...Activation[]];
  /** How a GGUF of the family orders the rows of q and k within a head; Hugging Face always has halves. */
  readonly ggufQueryKeyRows: 'interleaved' | 'halves';
  readonly globals: Readonly<Partial<Record<GlobalRole, GlobalTensor>>>;
  /** What Hugging Face's names of layers begin with, before their number. */
  readonly huggingFaceLayers: string;
  readonly layer: LayerTensors;
  /** What each norm of a layer is read by, in the order of the forward pass. */
  readonly norms: readonly NormReaders[];
  readonly attentionInputs: readonly LinearRole[];
  readonly attentionOutput: LinearRole;
  readonly mlpInputs: readonly LinearRole[];
  readonly mlpOutput: LinearRole;
  /** Adds a block to a graph. `x` [N, D]. */
  readonly buildBlock: (g: GraphBuilder, x: Value, shape: BlockShape, parts: BlockParts) => BlockValues;
}
