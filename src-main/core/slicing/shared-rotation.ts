// One rotation for a whole residual stream: C = Σ_sites Gram(RMSN(x_site)) over the 2L + 1 norm inputs, Q = eigvec(C),
// of which the first `width` columns are kept (SliceGPT §3.3-3.4 with one Q for all sites: method.md 1.7 and 3).
// Letters: D hidden size, d width.
import type { Precision } from '../../contract/recipe.ts';
import { requireBelow } from '../linear-algebra/checks.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import { orientBasis } from './orientation.ts';
import type { Orientation, OrientationContext } from './orientation.ts';
import { pcaArithmetic } from './precision.ts';
import { requireWidth } from './shared-width.ts';

export interface SharedRotation {
  /** D. */
  size: number;
  /** d. */
  width: number;
  /** [d, D] float64, orthonormal rows: Q[:, :d]ᵀ, turned by the orientation. */
  basis: Float64Array;
  /** [D] float64, descending: the eigenvalues of C, damping included. */
  eigenvalues: Float64Array;
  /** Share of C's trace that the dropped directions have. */
  energyLost: number;
  orientation: { kind: Orientation; seed: number; hadamardOrder: number; randomOrder: number };
  /** Largest |basis·basisᵀ - I|. */
  orthogonality: number;
}

/** What a rotation says of the file besides its weights. */
export type RotationForm = Pick<SharedRotation, 'size' | 'width'> & {
  orientation: Pick<SharedRotation['orientation'], 'kind' | 'seed'>;
};

export interface RotationRequest {
  /** [D, D] float64, symmetric: C. */
  gram: Float64Array;
  size: number;
  width: number;
  orientation?: Orientation;
  seed?: number;
  /** Added to the diagonal as a share of its mean; shifts eigenvalues and leaves Q alone. @default 0 */
  damping?: number;
  /** Of the eigenproblem; the Gram is as it came, so that fp32-sum64 is fp64 here. @default 'fp64' */
  precision?: Precision;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
}

/**
 * The rotation of a Gram. O(9 D³) for the eigenproblem; memory 4 D² doubles.
 * @throws USAGE when width is not in 1 to D; NUMERICAL_FAILURE with measured value and tolerance
 */
export async function sharedRotation(request: RotationRequest): Promise<SharedRotation> {
  const { gram, size, width, orientation: kind = 'pca', seed = 0, damping = 0, linearAlgebra, signal } = request;
  const { eigenproblem, orthogonalityTolerance, energyTolerance } = pcaArithmetic[request.precision ?? 'fp64'];
  requireWidth(width, size);
  const what = 'the shared rotation';
  const matrix = damped(gram, size, damping);
  const { values, vectors } = await linearAlgebra.eigh({ what, matrix, size, precision: eigenproblem }, signal);
  const basis = columnsAsRows(vectors, size, [0, width]);
  const turned = await orientBasis(
    basis,
    { width, size },
    { orientation: kind, seed },
    { what, linearAlgebra, signal },
  );
  const orthogonality = await distanceFromOrthonormal(basis, { width, size }, { what, linearAlgebra, signal });
  requireBelow(what, 'the largest |QᵀQ - I|', orthogonality, orthogonalityTolerance);
  const trace = sum(values);
  const kept = sum(values.subarray(0, width));
  const held = await energyOf(basis, matrix, { width, size }, { linearAlgebra, signal });
  const missing = kept > 0 ? Math.abs(kept - held) / kept : 0;
  requireBelow(what, 'the share of energy that the kept directions miss', missing, energyTolerance);
  return {
    size,
    width,
    basis,
    eigenvalues: values,
    energyLost: trace > 0 ? sum(values.subarray(width)) / trace : 0,
    orientation: { kind, seed, hadamardOrder: turned.hadamardOrder, randomOrder: turned.randomOrder },
    orthogonality,
  };
}

/** tr(basis·C·basisᵀ): what of the signal's energy lies in the directions [d, D]. O(d D²). */
async function energyOf(
  basis: Float64Array,
  gram: Float64Array,
  { width, size }: { width: number; size: number },
  { linearAlgebra, signal }: { linearAlgebra: LinearAlgebra; signal: AbortSignal },
): Promise<number> {
  const what = 'the shared rotation, the energy of its directions';
  const product = { what, rows: width, inner: size, columns: size, a: basis, b: gram };
  const turned = await linearAlgebra.gemm(product, signal);
  return turned.reduce((total, value, index) => total + value * basis[index]!, 0);
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

function damped(gram: Float64Array, size: number, damping: number): Float64Array {
  if (damping === 0) return gram;
  const matrix = gram.slice();
  let trace = 0;
  for (let index = 0; index < size; index += 1) trace += matrix[index * (size + 1)]!;
  for (let index = 0; index < size; index += 1) matrix[index * (size + 1)]! += (damping * trace) / size;
  return matrix;
}

/** Columns [start, end) of a matrix [size, size], as rows. */
export function columnsAsRows(
  matrix: Float64Array,
  size: number,
  [start, end]: readonly [start: number, end: number],
): Float64Array {
  const rows = new Float64Array((end - start) * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = start; column < end; column += 1)
      rows[(column - start) * size + row] = matrix[row * size + column]!;
  }
  return rows;
}

/** Largest |basis·basisᵀ - I|. */
export async function distanceFromOrthonormal(
  basis: Float64Array,
  { width, size }: { width: number; size: number },
  { what, linearAlgebra, signal }: OrientationContext,
): Promise<number> {
  const product = await linearAlgebra.gemm(
    {
      what: `${what}, the check of its directions`,
      rows: width,
      inner: size,
      columns: width,
      a: basis,
      b: basis,
      transposeB: true,
    },
    signal,
  );
  for (let index = 0; index < width; index += 1) product[index * (width + 1)]! -= 1;
  return product.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
