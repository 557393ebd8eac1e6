// What native/build/Release/snug_math.node exports (native/math/addon.cc). Types are ggml's numbers; every buffer is
// allocated here and starts at a multiple of 8 bytes; calls run on other threads and must not outlive a change of them.

export interface NativeType {
  id: number;
  /** ggml's own spelling: `q4_K`. */
  name: string;
  blockSize: number;
  typeSize: number;
  canQuantize: boolean;
  canDequantize: boolean;
  /** The kernel aborts the process without importance; the addon refuses such a call first. */
  requiresImportance: boolean;
}

export interface NativeOutcome {
  /** `nonFinite`: NaN or infinity in the source. `invalid`: a block that ggml's own check refuses. */
  status: 'done' | 'cancelled' | 'nonFinite' | 'invalid';
  /** The lowest such element, counted from the start of the buffer; -1 otherwise. */
  element: number;
  value: number;
}

export interface NativeConversion {
  sourceType: number;
  /** [rows, columns] of `sourceType`. */
  source: Uint8Array;
  targetType: number;
  /** [rows, columns] of `targetType`. */
  output: Uint8Array;
  rows: number;
  columns: number;
  /** Index of row 0 within the tensor; with `rowsPerSlice` it says which part of `importance` a row uses. */
  firstRow: number;
  rowsPerSlice: number;
  /** At least [slices, columns] up to the slice of the last row. */
  importance: Float32Array | null;
  threads: number;
  /** [1]; any value but 0 stops the call within a block of rows. */
  cancel: Int32Array | null;
}

export interface NativeRead {
  type: number;
  source: Uint8Array;
  elements: number;
  threads: number;
  cancel: Int32Array | null;
}

/** Where and how linear algebra runs. */
interface NativeExecution {
  /** The addon's own code even where a LAPACK is open. */
  fallback: boolean;
  threads: number;
  cancel: Int32Array | null;
}

/** Float64Array or Float32Array, the same for all three. */
export interface NativeProduct<Array> extends NativeExecution {
  rows: number;
  inner: number;
  columns: number;
  a: Array;
  b: Array;
  transposeA: boolean;
  transposeB: boolean;
  output: Array;
}

export interface NativeGram extends NativeExecution {
  rows: number;
  size: number;
  /** [rows, size] */
  values: Float32Array;
  /** [size, size], upper triangle added to. */
  gram: Float64Array;
  chunkRows: number;
  /** Products and sums of a chunk in float64, not float32. */
  isDouble: boolean;
  /** Sums of chunks are rounded to float32. */
  isFloatSum: boolean;
}

export interface NativeEigen extends NativeExecution {
  size: number;
  /** [size, size], upper triangle read. */
  matrix: Float64Array;
  /** [size] */
  values: Float64Array;
  /** [size, size] */
  vectors: Float64Array;
  /** [2]: largest |VᵀV - I|, ‖A V - V Λ‖ / ‖A‖. */
  quality: Float64Array;
  /** Solved in float64, not float32. */
  isDouble: boolean;
}

export interface NativeEigenvalues extends NativeExecution {
  size: number;
  /** [size, size], upper triangle read. */
  matrix: Float64Array;
  /** [size] */
  values: Float64Array;
  /** [1]: how far trace and Frobenius norm of the values are from the matrix's, relative. */
  quality: Float64Array;
}

export interface NativeCholesky extends NativeExecution {
  size: number;
  columns: number;
  /** [size, size], upper triangle read. */
  matrix: Float64Array;
  /** [size, columns]: right sides, then solutions. */
  solution: Float64Array;
}

export interface NativeQr extends NativeExecution {
  rows: number;
  columns: number;
  /** [rows, columns] */
  matrix: Float64Array;
  /** [rows, columns] */
  q: Float64Array;
  /** [columns, columns] */
  r: Float64Array;
  /** [1]: largest |QᵀQ - I|. */
  quality: Float64Array;
}

export interface MathAddon {
  /** Opens libggml-base and proves its layout. Throws with the reason. */
  openGgml(path: string): { version: string; types: NativeType[] };
  /** Builds the tables of a type, once per process: seconds for IQ1 and IQ2. It cannot be stopped, and conversions wait for it. */
  prepare(options: { type: number }): Promise<NativeOutcome>;
  convertRows(conversion: NativeConversion): Promise<NativeOutcome>;
  checkFinite(read: NativeRead): Promise<NativeOutcome>;
  /** `output` [elements] float32. */
  dequantize(read: NativeRead & { output: Float32Array }): Promise<NativeOutcome>;
  /** Opens a LAPACK by path or loader name and proves it, in place of an earlier one. Throws with the reason. */
  openLapack(path: string): { version: string; integerBits: 32 | 64; canSetThreads: boolean };
  gemm<Array extends Float32Array | Float64Array>(product: NativeProduct<Array>): Promise<NativeOutcome>;
  /** `nonFinite`: element and value as in `values`. */
  gram(gram: NativeGram): Promise<NativeOutcome>;
  /** `invalid`: no convergence at `element`. */
  eigen(eigen: NativeEigen): Promise<NativeOutcome>;
  /** `invalid`: no convergence at `element`. */
  eigenvalues(eigenvalues: NativeEigenvalues): Promise<NativeOutcome>;
  /** `invalid`: `element` is the index of the pivot, `value` the pivot. */
  cholesky(cholesky: NativeCholesky): Promise<NativeOutcome>;
  qr(qr: NativeQr): Promise<NativeOutcome>;
}
