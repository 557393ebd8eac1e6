// What an implementation of linear algebra provides: arithmetic on arrays of the right lengths, allocated by the caller.
// checked-linear-algebra.ts makes the port of it.
import type { Floats, FloatPrecision, GramUpdate, LinearAlgebraLibrary, Product } from './linear-algebra.ts';

export type EigenOutcome =
  | { status: 'done'; /** Largest |VᵀV - I|. */ orthogonality: number; /** ‖A V - V Λ‖ / ‖A‖. */ residual: number }
  | { status: 'notConverged'; index: number };

export type EigenvaluesOutcome =
  | {
      status: 'done';
      /** The larger of |Σλ - tr A| / Σ|λ| and |Σλ² - ‖A‖²| / ‖A‖². */
      moments: number;
    }
  | { status: 'notConverged'; index: number };

export interface LinearAlgebraKernels {
  readonly library: LinearAlgebraLibrary;
  /** Fills `values` [size] descending and `vectors` [size, size], vector j in column j, its largest component positive. */
  eigen(
    problem: {
      matrix: Float64Array;
      size: number;
      precision: FloatPrecision;
      values: Float64Array;
      vectors: Float64Array;
    },
    signal: AbortSignal,
  ): Promise<EigenOutcome>;
  /** Fills `values` [size] descending. */
  eigenvalues(
    problem: { matrix: Float64Array; size: number; values: Float64Array },
    signal: AbortSignal,
  ): Promise<EigenvaluesOutcome>;
  /** Answers the first element of `values` that is not finite (or whose column's squares overflow), or null. */
  gram(update: Required<GramUpdate>, signal: AbortSignal): Promise<{ element: number; value: number } | null>;
  /** Fills `output`. */
  gemm<Array extends Floats>(product: Required<Product<Array>>, signal: AbortSignal): Promise<void>;
  /** `solution` [size, columns] holds the right sides on entry. Answers the first pivot that is not positive, or null. */
  cholesky(
    problem: { matrix: Float64Array; size: number; solution: Float64Array; columns: number },
    signal: AbortSignal,
  ): Promise<{ index: number; pivot: number } | null>;
  /** Fills `q` and `r`; answers the largest |QᵀQ - I|. */
  qr(
    problem: { matrix: Float64Array; rows: number; columns: number; q: Float64Array; r: Float64Array },
    signal: AbortSignal,
  ): Promise<number>;
}
