// The port through which core converts tensors; ggml's kernels stand behind it (src-main/worker/native).

/** Rows of a tensor: all of it, or a slab of whole rows. Buffers start at a multiple of 8 bytes. */
export interface RowConversion {
  sourceType: string;
  /** [rows, columns] of `sourceType`, as in the file. */
  source: Uint8Array;
  targetType: string;
  /** [rows, columns] of `targetType`, filled by the call. */
  output: Uint8Array;
  rows: number;
  columns: number;
  /** Index of the first row within its tensor. */
  firstRow: number;
  /** Rows of one slice (expert), which share one vector of importance. */
  rowsPerSlice: number;
  /** [slices, columns] float32 mean squares of the tensor from its first slice up to the last row given here; null = none. */
  importance: Float32Array | null;
}

export interface Values {
  type: string;
  /** `elements` values of `type`, as in the file. */
  source: Uint8Array;
  elements: number;
}

/** The lowest element that spoils a conversion. */
export interface Fault {
  /** `source`: the value itself is NaN or infinite. `result`: it has no finite form in the target type (or its block's scale). */
  place: 'source' | 'result';
  element: number;
  value: number;
}

export interface Quantizer {
  /** Whether the type can be read as numbers. */
  canRead(type: string): boolean;
  /** Whether tensors can be written in this type. */
  canWrite(type: string): boolean;
  /** Whether the kernel of this type cannot work without importance, whatever the tensor. */
  needsImportance(type: string): boolean;
  /** Bytes do not depend on the number of threads. @throws CANCELLED */
  convert(conversion: RowConversion, signal: AbortSignal): Promise<Fault | null>;
  /** Looks for NaN, infinity and broken scales. @throws CANCELLED */
  check(values: Values, signal: AbortSignal): Promise<Fault | null>;
}
