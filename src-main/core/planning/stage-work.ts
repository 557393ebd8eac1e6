// What each stage of a job does, in operations, bytes and memory: the one cost model of plans and of jobs before they
// start. Letters: P parameters, D hidden size, L layers, V vocabulary. The seconds come of it in estimate.ts.
import { elementCount, type TensorShape } from '../formats/tensor.ts';

/** A model as its header tells it. */
export interface ModelSize {
  /** Of its weights' files. */
  bytes: number;
  parameters: number;
  /** That a token passes in the layers: experts that are not used and the embeddings do not count. */
  blockParameters: number;
  hiddenSize: number;
  layers: number;
  vocabSize: number;
  /** Elements. */
  largestTensor: number;
}

/** Text that a model runs over. */
export interface TextSize {
  tokens: number;
  /** Tokens of one window. */
  window: number;
}

export interface StageWork {
  /** As the seconds of a result name it. */
  stage: string;
  /** What seconds that were measured are remembered under, where it is not the stage alone: what computes. */
  kind?: string;
  /** Operations of a product in float32 that take as long. */
  operations?: number;
  /** Weights that are quantised, by the speed of their type. */
  weights?: Partial<Record<KernelSpeed, number>>;
  readBytes?: number;
  writeBytes?: number;
  hashBytes?: number;
  /** Processes that are started. */
  processes?: number;
  /** Of the largest process. */
  memoryBytes: number;
  /** On the user data's disk: until the stage ends, and until the job ends. */
  scratchBytes?: number;
  keptBytes?: number;
}

export type KernelSpeed = 'legacy' | 'k' | 'iq';

/** How many operations of a product another kind of operation is worth. */
const worth = {
  /** Blocks in onnxruntime: 0.4 to 0.6 of a product's rate, for its matrices are smaller and softmax is not one. */
  graphs: 2,
  /** llama.cpp's kernels of F16 on the CPU. */
  llama: 4,
  /** A vector times a matrix is as fast as memory is, some ten times slower than a product of matrices. */
  decode: 10,
  /** Half as many fit in a register. */
  float64: 2,
  /** LAPACK's dsyevd: float64, and half of its reduction multiplies vectors, not matrices. */
  eigen: 10,
} as const;

/** A worker with its libraries (130 to 230 MB, docs/preflight.md). */
const baseBytes = 200e6;
/** Slabs of a head and their logits (docs/graphs.md). */
const headSlabBytes = 80e6;
/** A residual up to this size stays in memory (core/graph/scratch-residuals.ts). */
const residualInMemory = 2 ** 28;
/** Tokens of a run of a block (core/graph/residual.ts). */
const runTokens = 1024;
/** Elements of a slab that is quantised. */
const slabElements = 2 ** 26;

export function kernelSpeed(type: string): KernelSpeed {
  if (/^(?:Q\d_K|TQ)/.test(type)) return 'k';
  return type.startsWith('IQ') ? 'iq' : 'legacy';
}

/** Weights by the speed of the type they get. */
export function weightsOf(tensors: readonly TensorShape[]): Partial<Record<KernelSpeed, number>> {
  const weights: Partial<Record<KernelSpeed, number>> = {};
  for (const { shape, type } of tensors) {
    const speed = kernelSpeed(type);
    weights[speed] = (weights[speed] ?? 0) + elementCount(shape)!;
  }
  return weights;
}

/** A forward pass through the layers: 2·P per token, and 4·T·D per layer for scores and their sums of values. */
const blockOperations = (model: ModelSize, { tokens, window }: TextSize): number =>
  tokens * (2 * model.blockParameters + 4 * model.layers * model.hiddenSize * window);
const headOperations = ({ hiddenSize, vocabSize }: ModelSize, tokens: number): number =>
  2 * tokens * hiddenSize * vocabSize;
const residualBytes = ({ hiddenSize }: ModelSize, { tokens }: TextSize): number => 4 * tokens * hiddenSize;
/** One layer in float32, once more in onnxruntime, and the values of a run: residual, branches, two of the MLP's width. */
function blockBytes({ blockParameters, layers, hiddenSize }: ModelSize): number {
  return (2 * 4 * blockParameters) / layers + 16 * 4 * runTokens * hiddenSize;
}
/** Logits of one window; weights are mapped from the file, and go where the system needs room. */
const llamaBytes = ({ vocabSize, layers, hiddenSize }: ModelSize, { window }: TextSize): number =>
  baseBytes + 2 * 4 * window * vocabSize + 4 * window * layers * hiddenSize;
const embeddingBytes = ({ hiddenSize, vocabSize }: ModelSize): number => 2 * hiddenSize * vocabSize;
const eigenOperations = (size: number): number => worth.eigen * 9 * size ** 3;

/** A folder as a GGUF in the scratch folder, which stays till the end. */
export const convertWork = (model: ModelSize): StageWork => ({
  stage: 'convert',
  readBytes: model.bytes,
  writeBytes: model.bytes,
  hashBytes: model.bytes,
  processes: 1,
  memoryBytes: baseBytes + 2 * 4 * Math.min(model.largestTensor, slabElements),
  keptBytes: model.bytes,
});

/** Header, texts: a few processes. */
export const openWork = (stage: 'open' | 'tokenize' | 'plan'): StageWork => ({
  stage,
  processes: 1,
  memoryBytes: baseBytes,
});

/** Importance, in llama.cpp. */
export const importanceWork = (model: ModelSize, text: TextSize): StageWork => ({
  stage: 'calibrate',
  kind: 'calibrate llama.cpp',
  operations: worth.llama * (blockOperations(model, text) + headOperations(model, text.tokens)),
  readBytes: model.bytes,
  processes: 2,
  memoryBytes: llamaBytes(model, text),
});

/** The name of a calibration: the whole model is hashed. */
export const fingerprintWork = (model: ModelSize): StageWork => ({
  stage: 'fingerprint',
  readBytes: model.bytes,
  hashBytes: model.bytes,
  processes: 1,
  memoryBytes: baseBytes,
});

/**
 * Statistics on our graphs (docs/calibration.md): per norm input a Gram, D² per token for half of it suffices, and its
 * eigenvalues, 4/3·D³ in float64; two files of the residual, and three times the statistics.
 */
export function statisticsWork(model: ModelSize, text: TextSize): StageWork {
  const { hiddenSize, layers } = model;
  const sites = 2 * layers + 1;
  const residual = residualBytes(model, text);
  return {
    stage: 'calibrate',
    kind: 'calibrate graphs',
    operations:
      worth.graphs * blockOperations(model, text) +
      sites * (text.tokens * hiddenSize ** 2 + (worth.eigen * 4 * hiddenSize ** 3) / 3),
    readBytes: model.bytes + layers * residual,
    writeBytes: layers * residual,
    processes: 1,
    memoryBytes: baseBytes + blockBytes(model) + embeddingBytes(model) + 4 * 8 * hiddenSize ** 2,
    scratchBytes: 2 * residual + 3 * 8 * hiddenSize ** 2,
  };
}

/** The check before a slice: the model twice over the text, and weights that turn by the factors of Q, a quarter of 2·P·D. */
export const invarianceWork = (model: ModelSize, text: TextSize): StageWork => ({
  stage: 'invariance',
  operations:
    2 * worth.graphs * (blockOperations(model, text) + headOperations(model, text.tokens)) +
    (worth.float64 * 2 * model.parameters * model.hiddenSize) / 4,
  readBytes: 2 * model.bytes,
  processes: 1,
  memoryBytes: baseBytes + blockBytes(model) + embeddingBytes(model) + headSlabBytes,
});

/** A file that is written: how many bytes, and the weights that it has by the speed of their kernels. */
export interface WrittenFile {
  bytes: number;
  weights: Partial<Record<KernelSpeed, number>>;
}

export const quantizeWork = (model: ModelSize, { bytes, weights }: WrittenFile): StageWork => ({
  stage: 'quantize',
  weights,
  readBytes: model.bytes,
  writeBytes: bytes,
  hashBytes: bytes,
  processes: 1,
  memoryBytes:
    baseBytes + 8 * Math.min(model.largestTensor, slabElements) + Math.min(model.bytes, 4 * slabElements) / 8,
});

/**
 * A slice by one rotation: the eigenproblem, 9·D³; every weight turned, 2·P·D in float64; types in the same pass.
 * In memory Gram, basis and the eigensolver's workspace, about 5·D² in float64, and the last tensor whose rows turn.
 */
export const sharedSliceWork = (model: ModelSize, { bytes, weights }: WrittenFile): StageWork => ({
  stage: 'slice',
  kind: 'slice shared',
  operations: eigenOperations(model.hiddenSize) + worth.float64 * 2 * model.parameters * model.hiddenSize,
  weights,
  readBytes: model.bytes,
  writeBytes: bytes,
  hashBytes: bytes,
  processes: 1,
  memoryBytes:
    baseBytes + 5 * 8 * model.hiddenSize ** 2 + 8 * Math.min(model.largestTensor, slabElements) + embeddingBytes(model),
});

/**
 * A slice block by block (docs/per-block.md): every step runs once; per site a Gram in float64, D² per token, and an
 * eigenproblem; weights turn on both sides. The residual lies in two files.
 */
export function perBlockSliceWork(model: ModelSize, { text, bytes }: { text: TextSize; bytes: number }): StageWork {
  const { hiddenSize, layers } = model;
  const sites = 2 * layers + 1;
  const residual = residualBytes(model, text);
  return {
    stage: 'slice',
    kind: 'slice per-block',
    operations:
      worth.graphs * blockOperations(model, text) +
      sites * (worth.float64 * text.tokens * hiddenSize ** 2 + eigenOperations(hiddenSize)) +
      worth.float64 * 4 * model.parameters * hiddenSize,
    readBytes: model.bytes + 2 * layers * residual,
    writeBytes: bytes + 2 * layers * residual,
    hashBytes: bytes,
    processes: 1,
    memoryBytes: baseBytes + 2 * blockBytes(model) + 2 * embeddingBytes(model) + 7 * 8 * hiddenSize ** 2,
    scratchBytes: 2 * residual,
  };
}

export interface EvaluatedModels {
  /** One, or two that are compared. */
  models: readonly ModelSize[];
  text: TextSize;
  engine: 'onnx' | 'llama.cpp';
  /** Weights that are expanded to F16 first: of llama.cpp. */
  expanded: number;
  stage?: string;
}

export function evaluateWork({ models, text, engine, expanded, stage = 'evaluate' }: EvaluatedModels): StageWork {
  const passes = models.reduce(
    (sum, model) => sum + blockOperations(model, text) + headOperations(model, text.tokens),
    0,
  );
  const isOnGraphs = engine === 'onnx';
  const residuals = models.map((model) => residualBytes(model, text)).filter((size) => size > residualInMemory);
  const inMemory = models.map((model) => Math.min(residualInMemory, residualBytes(model, text)));
  const largest = models.reduce((a, b) => (b.parameters > a.parameters ? b : a));
  const graphBytes =
    baseBytes +
    blockBytes(largest) +
    embeddingBytes(largest) +
    models.length * headSlabBytes +
    inMemory.reduce((sum, size) => sum + size, 0);
  return {
    stage,
    kind: `${stage} ${engine}`,
    operations: passes * (isOnGraphs ? worth.graphs : worth.llama),
    readBytes: models.reduce((sum, { bytes }) => sum + bytes, 0) + 2 * expanded,
    writeBytes: 2 * expanded,
    processes: 1,
    memoryBytes: isOnGraphs ? graphBytes : llamaBytes(largest, text),
    scratchBytes: isOnGraphs ? 2 * residuals.reduce((sum, size) => sum + size, 0) : 2 * expanded,
  };
}

/** Own forward and llama.cpp over one short window, the source beside it, and a few words. */
export const proveWork = (model: ModelSize, file: { bytes: number }): StageWork => {
  const text = { tokens: 128, window: 128 };
  return {
    stage: 'prove',
    operations: (2 * worth.graphs + 2 * worth.llama) * (blockOperations(model, text) + headOperations(model, 128)),
    readBytes: model.bytes + 3 * file.bytes,
    processes: 3,
    memoryBytes: baseBytes + blockBytes(model) + embeddingBytes(model) + headSlabBytes,
  };
};

/** The model as ONNX with its cache; then all weights pass for every token that is written, whose products are vectors. */
export function generateWork(model: ModelSize, tokens: number): StageWork {
  // F16, or F32 where the source is wider.
  const onnxBytes = (model.bytes / model.parameters > 2.5 ? 4 : 2) * model.parameters;
  return {
    stage: 'generate',
    operations: worth.decode * 2 * tokens * model.parameters,
    readBytes: model.bytes,
    writeBytes: onnxBytes,
    processes: 2,
    // Halves are widened when the session opens (measured: 7 bytes a weight).
    memoryBytes: baseBytes + 4 * model.parameters + 1.5 * onnxBytes,
    keptBytes: onnxBytes,
  };
}

export const exportWork = (model: ModelSize, { bytes }: { bytes: number }): StageWork => ({
  stage: 'export',
  readBytes: model.bytes,
  writeBytes: bytes,
  hashBytes: bytes,
  processes: 1,
  memoryBytes: baseBytes + 2 * 4 * Math.min(model.largestTensor, slabElements),
});
