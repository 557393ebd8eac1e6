// What Snug needs to know of a model before it reads a weight, the same for every format. Null: the model has no
// such thing, or its file does not say.

export interface ModelConfig {
  /** general.architecture of a GGUF file, model_type of a config.json. */
  architecture: string;
  hiddenSize: number | null;
  numHiddenLayers: number | null;
  numAttentionHeads: number | null;
  numKeyValueHeads: number | null;
  headDim: number | null;
  intermediateSize: number | null;
  vocabSize: number | null;
  /** Tokens that the model was made for. */
  contextLength: number | null;
  ropeTheta: number | null;
  normEps: number | null;
  /** The output layer is the embedding matrix. */
  tiedEmbeddings: boolean;
}

/** Of a mixture of experts. */
export interface ModelExperts {
  count: number;
  /** Routed experts that a token passes. */
  used: number | null;
  /** Experts that every token passes. */
  sharedCount: number;
}
