// The port through which core runs its graphs; onnxruntime stands behind it (src-main/worker/onnx).

/** A value that is fed to a graph or filled by it. */
export interface GraphTensor {
  data: Float32Array | BigInt64Array;
  /** Slowest dimension first. */
  shape: readonly number[];
}

/** One graph, ready to run as often as wanted. */
export interface BlockRunner {
  /**
   * Runs the graph once. Of `outputs`, the tensors given are filled in place (one may be the memory of an input), and
   * for null a new array is answered, of whole numbers too (up to 2^24, as float32). Nothing may change the feeds meanwhile; outputs not named are not computed out.
   */
  run(
    feeds: Readonly<Record<string, GraphTensor>>,
    outputs: Readonly<Record<string, GraphTensor | null>>,
  ): Promise<Record<string, Float32Array>>;
  dispose(): Promise<void>;
}

/** Where graphs run. */
export interface GraphRuntime {
  /** onnxruntime's name of the execution provider: `cpu`, `cuda`, `webgpu`. */
  readonly provider: string;
  /** Makes a runner of an ONNX model file. */
  open(model: Uint8Array): Promise<BlockRunner>;
}
