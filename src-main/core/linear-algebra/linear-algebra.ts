// The port through which core does dense linear algebra. LAPACK or this project's own C++ stands behind it
// (src-main/worker/native/native-linear-algebra.ts), ml-matrix as the last resort (js-linear-algebra.ts).
// Matrices are row-major. A symmetric matrix is read from its upper triangle only, as gramAccumulate leaves it. `what`
// names the place for errors ("layer 3, input of the feed-forward norm"). Arrays must not change during a call.

/** What computes. */
export interface LinearAlgebraLibrary {
  /** `lapack`: a library of the system or of set-up. `fallback`: the addon's own code. `ml-matrix`: JavaScript. */
  kind: 'lapack' | 'fallback' | 'ml-matrix';
  /** As the library calls itself: `OpenBLAS 0.3.34 …`. */
  name: string;
  /** The library's file; null for the other kinds. */
  path: string | null;
  /** Width of its integers; null for the other kinds. */
  integerBits: 32 | 64 | null;
  /** Why it is slower than it could be, for the user; null with a LAPACK. */
  notice: string | null;
}

export type Floats = Float32Array | Float64Array;

/** What arithmetic is done in. */
export type FloatPrecision = 'float32' | 'float64';

export interface EigenProblem {
  what: string;
  /** [size, size] float64, symmetric, upper triangle. */
  matrix: Float64Array;
  size: number;
}

export interface EigenvectorProblem extends EigenProblem {
  /** `float32`: the matrix is rounded, solved in float32 and the solution widened. ml-matrix refuses it. @default 'float64' */
  precision?: FloatPrecision;
}

export interface EigenSolution {
  /** [size] float64, descending. */
  values: Float64Array;
  /** [size, size] float64: column j belongs to values[j]; orthonormal; the largest component of each is positive. */
  vectors: Float64Array;
  library: LinearAlgebraLibrary['kind'];
}

export interface GramUpdate {
  what: string;
  /** [rows, size] float32. */
  values: Float32Array;
  rows: number;
  size: number;
  /** [size, size] float64; its upper triangle grows by valuesᵀ values, the rest stays as it is. */
  gram: Float64Array;
  /** Rows that are summed in float32 before the sum goes into `gram`. @default 2048: shorter chunks gain no accuracy
   * (measured: errors of 5e-7 to 6e-7 of sqrt(C_ii C_jj) from 256 to 2,048) and cost speed. */
  chunkRows?: number;
  /** Products and sums within a chunk. float64, for raw residuals with very large columns, takes twice as long. @default 'float32' */
  precision?: FloatPrecision;
  /** Sums of chunks. float32, of float32 products only: `gram` holds numbers that float32 has; ml-matrix refuses it. @default 'float64' */
  sums?: FloatPrecision;
}

/** op(a) op(b), where op transposes on request. */
export interface Product<Array extends Floats> {
  what: string;
  rows: number;
  inner: number;
  columns: number;
  /** [rows, inner], or [inner, rows] with `transposeA`. */
  a: Array;
  transposeA?: boolean;
  /** [inner, columns], or [columns, inner] with `transposeB`. */
  b: Array;
  transposeB?: boolean;
  /** [rows, columns], overwritten and answered; a new one without. Not `a` or `b`. */
  output?: Array;
}

export interface CholeskyProblem {
  what: string;
  /** [size, size] float64, symmetric positive definite, upper triangle. */
  matrix: Float64Array;
  size: number;
  /** [size, columns] float64. */
  rightSides: Float64Array;
  columns: number;
}

export interface QrProblem {
  what: string;
  /** [rows, columns] float64, rows >= columns. */
  matrix: Float64Array;
  rows: number;
  columns: number;
}

export interface QrFactors {
  /** [rows, columns] float64, orthonormal columns. */
  q: Float64Array;
  /** [columns, columns] float64, upper triangular with a positive diagonal (zero where the matrix lacks rank). */
  r: Float64Array;
}

/**
 * Every call refuses wrong lengths (INTERNAL) and numbers that are not finite (NUMERICAL_FAILURE) before it computes, and
 * rejects with the signal's reason. An abort stops products and Grams between chunks. LAPACK's eigensolver and
 * factorisations cannot be stopped: the promise rejects at once and the library finishes in the background.
 */
export interface LinearAlgebra {
  readonly library: LinearAlgebraLibrary;

  /**
   * A = V Λ Vᵀ in float64 (PCA: SliceGPT §3.3). Verified in float64: |VᵀV - I| < 1e-10 and ‖A V - V Λ‖ < 1e-10 ‖A‖, in
   * float32 both < 1e-3. O(9 size³); memory with LAPACK: 2 size² doubles besides the answer.
   * @throws NUMERICAL_FAILURE no convergence, lost orthogonality, a residual, NaN: what, measured value, tolerance;
   * NATIVE_UNAVAILABLE for float32 on ml-matrix
   */
  eigh(problem: EigenvectorProblem, signal: AbortSignal): Promise<EigenSolution>;

  /**
   * The values of eigh alone, [size] float64, descending. Verified: |Σλ - tr A| < 1e-10 Σ|λ|, |Σλ² - ‖A‖²| < 1e-10 ‖A‖².
   * O(4/3 size³); memory with LAPACK: size² doubles.
   * @throws NUMERICAL_FAILURE no convergence, wrong sums, NaN: what, measured value, tolerance
   */
  eigvalsh(problem: EigenProblem, signal: AbortSignal): Promise<Float64Array>;

  /**
   * gram += valuesᵀ values, upper triangle. float32 within a chunk, float64 between chunks, or what is asked for. O(rows size²).
   * @throws NATIVE_UNAVAILABLE for float32 sums on ml-matrix; NUMERICAL_FAILURE with the element that is not finite; chunks
   * before it may be in `gram` already. An abort leaves a part of the sum there.
   */
  gramAccumulate(update: GramUpdate, signal: AbortSignal): Promise<void>;

  /** output = op(a) op(b) in the type of the arrays. O(rows inner columns). @throws NUMERICAL_FAILURE */
  gemm<Array extends Floats>(product: Product<Array>, signal: AbortSignal): Promise<Array>;

  /**
   * X of matrix X = rightSides, [size, columns] float64. O(size³/3 + 2 size² columns).
   * @throws NUMERICAL_FAILURE with index and value of the first pivot that is not positive
   */
  choleskySolve(problem: CholeskyProblem, signal: AbortSignal): Promise<Float64Array>;

  /** matrix = Q R by Householder reflections in float64. Verified: |QᵀQ - I| < 1e-10. O(4 rows columns²). @throws NUMERICAL_FAILURE */
  qr(problem: QrProblem, signal: AbortSignal): Promise<QrFactors>;
}
