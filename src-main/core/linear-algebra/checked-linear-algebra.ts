// The port of linear algebra on the kernels of an implementation: allocates, checks what goes in and what comes out.
import {
  float32Tolerance,
  nonFinite,
  notConverged,
  notPositiveDefinite,
  orthogonalityTolerance,
  refuse,
  requireArray,
  requireBelow,
  requireEigenSize,
  requireFinite,
  requireFiniteUpper,
  requireSizes,
  residualTolerance,
} from './checks.ts';
import type { LinearAlgebraKernels } from './kernels.ts';
import type {
  CholeskyProblem,
  EigenProblem,
  EigenSolution,
  EigenvectorProblem,
  Floats,
  GramUpdate,
  LinearAlgebra,
  Product,
  QrFactors,
  QrProblem,
} from './linear-algebra.ts';

export function checkedLinearAlgebra(kernels: LinearAlgebraKernels): LinearAlgebra {
  return {
    library: kernels.library,
    eigh: (problem, signal) => eigh(kernels, problem, signal),
    eigvalsh: (problem, signal) => eigvalsh(kernels, problem, signal),
    gramAccumulate: (update, signal) => gramAccumulate(kernels, update, signal),
    gemm: (product, signal) => gemm(kernels, product, signal),
    choleskySolve: (problem, signal) => choleskySolve(kernels, problem, signal),
    qr: (problem, signal) => qr(kernels, problem, signal),
  };
}

async function eigh(
  kernels: LinearAlgebraKernels,
  { what, matrix, size, precision = 'float64' }: EigenvectorProblem,
  signal: AbortSignal,
): Promise<EigenSolution> {
  signal.throwIfAborted();
  requireEigenSize(what, size);
  requireArray(what, ['matrix', matrix], Float64Array, size * size);
  requireFiniteUpper(what, matrix, size);
  const values = new Float64Array(size);
  const vectors = new Float64Array(size * size);
  const outcome = await kernels.eigen({ matrix, size, precision, values, vectors }, signal);
  if (outcome.status === 'notConverged') throw notConverged(what, outcome.index);
  requireFinite(what, 'the eigenvalues', values, size);
  const isDouble = precision === 'float64';
  const [furthest, largest] = isDouble
    ? [orthogonalityTolerance, residualTolerance]
    : [float32Tolerance, float32Tolerance];
  requireBelow(what, 'the largest |QᵀQ - I|', outcome.orthogonality, furthest);
  requireBelow(what, 'the residual ‖AQ - QΛ‖ / ‖A‖', outcome.residual, largest);
  return { values, vectors, library: kernels.library.kind };
}

async function eigvalsh(
  kernels: LinearAlgebraKernels,
  { what, matrix, size }: EigenProblem,
  signal: AbortSignal,
): Promise<Float64Array> {
  signal.throwIfAborted();
  requireEigenSize(what, size);
  requireArray(what, ['matrix', matrix], Float64Array, size * size);
  requireFiniteUpper(what, matrix, size);
  const values = new Float64Array(size);
  const outcome = await kernels.eigenvalues({ matrix, size, values }, signal);
  if (outcome.status === 'notConverged') throw notConverged(what, outcome.index);
  requireFinite(what, 'the eigenvalues', values, size);
  requireBelow(what, 'the error of Σλ and Σλ²', outcome.moments, residualTolerance);
  return values;
}

async function gramAccumulate(kernels: LinearAlgebraKernels, update: GramUpdate, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { what, values, rows, size, gram, chunkRows = 2048 } = update;
  const { precision = 'float32', sums = 'float64' } = update;
  requireSizes(what, { rows, size, chunkRows });
  requireArray(what, ['values', values], Float32Array, rows * size);
  requireArray(what, ['gram', gram], Float64Array, size * size);
  if (precision === 'float64' && sums === 'float32')
    refuse(what, 'float32 sums of float64 products', { precision, sums });
  // The kernels look: in float32 at the sums, which costs a tenth less than at each value; in float64 as they widen.
  const fault = await kernels.gram({ what, values, rows, size, gram, chunkRows, precision, sums }, signal);
  if (fault) throw nonFinite(what, { name: 'values', ...fault, columns: size });
}

async function gemm<Array extends Floats>(
  kernels: LinearAlgebraKernels,
  product: Product<Array>,
  signal: AbortSignal,
): Promise<Array> {
  signal.throwIfAborted();
  const { what, rows, inner, columns, a, b, transposeA = false, transposeB = false } = product;
  requireSizes(what, { rows, inner, columns });
  const Type = a instanceof Float32Array ? Float32Array : Float64Array;
  requireArray(what, ['a', a], Type, rows * inner);
  requireArray(what, ['b', b], Type, inner * columns);
  const output = product.output ?? (new Type(rows * columns) as Array);
  requireArray(what, ['output', output], Type, rows * columns);
  requireFinite(what, 'a', a, transposeA ? rows : inner);
  requireFinite(what, 'b', b, transposeB ? inner : columns);
  await kernels.gemm({ what, rows, inner, columns, a, b, transposeA, transposeB, output }, signal);
  return output;
}

async function choleskySolve(
  kernels: LinearAlgebraKernels,
  { what, matrix, size, rightSides, columns }: CholeskyProblem,
  signal: AbortSignal,
): Promise<Float64Array> {
  signal.throwIfAborted();
  requireSizes(what, { size, columns });
  requireArray(what, ['matrix', matrix], Float64Array, size * size);
  requireArray(what, ['rightSides', rightSides], Float64Array, size * columns);
  requireFiniteUpper(what, matrix, size);
  requireFinite(what, 'rightSides', rightSides, columns);
  const solution = Float64Array.from(rightSides);
  const bad = await kernels.cholesky({ matrix, size, solution, columns }, signal);
  if (bad) throw notPositiveDefinite(what, bad.index, bad.pivot);
  // A matrix that is all but singular may divide a finite number by a pivot near nothing.
  requireFinite(what, 'the solution', solution, columns);
  return solution;
}

async function qr(
  kernels: LinearAlgebraKernels,
  { what, matrix, rows, columns }: QrProblem,
  signal: AbortSignal,
): Promise<QrFactors> {
  signal.throwIfAborted();
  requireSizes(what, { rows, columns, 'rows - columns + 1': rows - columns + 1 });
  requireArray(what, ['matrix', matrix], Float64Array, rows * columns);
  requireFinite(what, 'matrix', matrix, columns);
  const q = new Float64Array(rows * columns);
  const r = new Float64Array(columns * columns);
  const orthogonality = await kernels.qr({ matrix, rows, columns, q, r }, signal);
  requireBelow(what, 'the largest |QᵀQ - I|', orthogonality, orthogonalityTolerance);
  return { q, r };
}
