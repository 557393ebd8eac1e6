// What Snug has to know of a model family to run and change it. One file per family describes it; generic code asks
// for these properties and never for a family's name.
// Letters: B windows, T tokens, D hidden, H heads, KV key/value heads, hd head size, F intermediate, V vocabulary.
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
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
  /** The output layer is the embedding matrix. */
  tiedEmbeddings: boolean;
}

/** Weights of a block by their part in it, the same for every family and form. */
export type LinearRole = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
export type LayerRole = LinearRole | `${LinearRole}Bias` | 'attentionNorm' | 'mlpNorm' | 'qNorm' | 'kNorm';

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
}

export type LayerTensors = Readonly<Partial<Record<LayerRole, LayerTensor>>>;

/** What a block's graph depends on, besides the family. */
export interface BlockShape {
  hiddenSize: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  intermediateSize: number;
  normEps: number;
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
  /** RMS norm of the residual [N, D]. */
  norm: (rows: Value, role: 'attentionNorm' | 'mlpNorm') => Value;
  /** Norms heads, rotates them and attends. Answers [N, H·hd]. */
  attend: (inputs: AttentionInputs) => Value;
  /**
   * The residual behind what a norm leads to: `rows` that were normed, and the branches [N, D] that are added to them. A
   * sliced model takes `rows` into its next basis here (core/slicing/per-block).
   */
  residual: (rows: Value, branches: readonly Value[], role: 'attentionNorm' | 'mlpNorm') => Value;
}

/** Values of a block's graph that others build on; rows are tokens, N = B·T. */
export interface BlockValues {
  /** [N, D] the residual behind the block. */
  output: Value;
  /** [N, D] RMS norms: the inputs of q, k, v and of gate, up. */
  attentionInput: Value;
  mlpInput: Value;
  /** [N, H·hd] the input of o; [N, F] the input of down. */
  attentionOutputInput: Value;
  mlpOutputInput: Value;
}

/** A reason why a model of the family cannot be worked on, or null. */
export type Refusal = (facts: ModelFacts) => string | null;

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
  readonly norm: { readonly kind: 'rmsnorm' };
  /** How a GGUF of the family orders the rows of q and k within a head; Hugging Face always has halves. */
  readonly ggufQueryKeyRows: 'interleaved' | 'halves';
  readonly layer: LayerTensors;
  /** Linears that read each norm, and those that write to the residual. */
  readonly attentionInputs: readonly LinearRole[];
  readonly attentionOutput: LinearRole;
  readonly mlpInputs: readonly LinearRole[];
  readonly mlpOutput: LinearRole;
  /** Adds a block to a graph. `x` [N, D]. */
  readonly buildBlock: (g: GraphBuilder, x: Value, shape: BlockShape, parts: BlockParts) => BlockValues;
}

/** Completes a family's description with what all families so far share. */
export function defineArchitecture<const A extends Omit<Architecture, SharedKey>>(
  family: A,
): A & Pick<Architecture, SharedKey> {
  return {
    ...family,
    attentionInputs: ['q', 'k', 'v'],
    attentionOutput: 'o',
    mlpInputs: ['gate', 'up'],
    mlpOutput: 'down',
  };
}
type SharedKey = 'attentionInputs' | 'attentionOutput' | 'mlpInputs' | 'mlpOutput';
