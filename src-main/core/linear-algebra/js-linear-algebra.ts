// Linear algebra on ml-matrix: the oracle of tests, and the last resort where the native addon does not load. It computes
// on the calling thread, so that an abort waits for the end of a call; hidden sizes above 1,000 take minutes.
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { checkedLinearAlgebra } from './checked-linear-algebra.ts';
import { onlyFloat64 } from './checks.ts';
import type { EigenOutcome, EigenvaluesOutcome, LinearAlgebraKernels } from './kernels.ts';
import type { Floats, GramUpdate, LinearAlgebra, LinearAlgebraLibrary, Product } from './linear-algebra.ts';

type Problem<Kernel extends 'eigen' | 'eigenvalues' | 'cholesky' | 'qr'> = Parameters<LinearAlgebraKernels[Kernel]>[0];

export function jsLinearAlgebra(notice: string | null = null): LinearAlgebra {
  const library: LinearAlgebraLibrary = { kind: 'ml-matrix', name: 'ml-matrix', path: null, integerBits: null, notice };
  return checkedLinearAlgebra({
    library,
    eigen: async (problem) => {
      if (problem.precision === 'float32') throw onlyFloat64('eigenvectors', library.name);
      return eigen(problem);
    },
    eigenvalues: async (problem) => eigenvalues(problem),
    gram: async (update) => {
      if (update.sums === 'float32') throw onlyFloat64(update.what, library.name);
      return gram(update);
    },
    gemm: async (product) => gemm(product),
    cholesky: async (problem) => cholesky(problem),
    qr: async (problem) => qr(problem),
  });
}

/** A copy of [rows, columns], row-major. */
function matrixOf(values: Floats, rows: number, columns: number): Matrix {
  return new Matrix(
    Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * columns, (row + 1) * columns))),
  );
}

/** The whole of a symmetric matrix from its upper triangle. */
function symmetricOf(values: Float64Array, size: number): Matrix {
  const at = (row: number, column: number): number => values[Math.min(row, column) * size + Math.max(row, column)]!;
  return new Matrix(
    Array.from({ length: size }, (_, row) => Array.from({ length: size }, (__, column) => at(row, column))),
  );
}

function eigen({ matrix, size, values, vectors }: Problem<'eigen'>): EigenOutcome {
  const symmetric = symmetricOf(matrix, size);
  const solved = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
  const order = solved.realEigenvalues
    .map((value, index) => ({ value, index }))
    .toSorted((left, right) => right.value - left.value);
  for (const [to, { value, index }] of order.entries()) {
    values[to] = value;
    const vector = solved.eigenvectorMatrix.getColumn(index);
    const peak = vector.reduce((best, component) => (Math.abs(component) > Math.abs(best) ? component : best));
    for (const [row, component] of vector.entries()) vectors[row * size + to] = peak < 0 ? -component : component;
  }
  const q = matrixOf(vectors, size, size);
  const residual = symmetric
    .mmul(q)
    .sub(q.mmul(Matrix.diag(Array.from(values))))
    .norm();
  return {
    status: 'done',
    orthogonality: distanceFromOrthonormal(q),
    residual: residual === 0 ? 0 : residual / symmetric.norm(),
  };
}

function eigenvalues({ matrix, size, values }: Problem<'eigenvalues'>): EigenvaluesOutcome {
  const symmetric = symmetricOf(matrix, size);
  const solved = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues;
  values.set(solved.toSorted((left, right) => right - left));
  const sumOf = (part: (value: number) => number): number => values.reduce((sum, value) => sum + part(value), 0);
  const relative = (error: number, whole: number): number => Math.abs(error) / (whole || 1);
  const norm = symmetric.norm() ** 2;
  const moments = Math.max(
    relative(sumOf((value) => value) - symmetric.trace(), sumOf(Math.abs)),
    relative(sumOf((value) => value * value) - norm, norm),
  );
  return { status: 'done', moments };
}

function distanceFromOrthonormal(q: Matrix): number {
  const distances = q.transpose().mmul(q).sub(Matrix.eye(q.columns)).abs();
  return distances.max();
}

/** Sums in float64 throughout, row by row: more exact than asked for. */
function gram({ values, rows, size, gram: sums }: Required<GramUpdate>): { element: number; value: number } | null {
  const element = values.findIndex((value) => !Number.isFinite(value));
  if (element >= 0) return { element, value: values[element]! };
  for (let row = 0; row < rows; row += 1) {
    for (let i = 0; i < size; i += 1) {
      const left = values[row * size + i]!;
      for (let j = i; j < size; j += 1) sums[i * size + j]! += left * values[row * size + j]!;
    }
  }
  return null;
}

function gemm<Array extends Floats>(product: Required<Product<Array>>): void {
  const { rows, inner, columns, a, b, transposeA, transposeB, output } = product;
  const left = transposeA ? matrixOf(a, inner, rows).transpose() : matrixOf(a, rows, inner);
  const right = transposeB ? matrixOf(b, columns, inner).transpose() : matrixOf(b, inner, columns);
  output.set(left.mmul(right).to1DArray());
}

function cholesky({ matrix, size, solution, columns }: Problem<'cholesky'>): { index: number; pivot: number } | null {
  const bad = badPivot(matrix, size);
  if (bad) return bad;
  const solved = new CholeskyDecomposition(symmetricOf(matrix, size)).solve(matrixOf(solution, size, columns));
  solution.set(solved.to1DArray());
  return null;
}

/** ml-matrix tells whether a pivot is not positive, not which: the same factorisation once more, A = UᵀU. */
function badPivot(matrix: Float64Array, size: number): { index: number; pivot: number } | null {
  const u = Float64Array.from(matrix);
  for (let k = 0; k < size; k += 1) {
    const pivot = u[k * size + k]!;
    if (!(pivot > 0)) return { index: k, pivot };
    for (let i = k + 1; i < size; i += 1) {
      const factor = u[k * size + i]! / pivot;
      for (let j = i; j < size; j += 1) u[i * size + j]! -= factor * u[k * size + j]!;
    }
  }
  return null;
}

function qr({ matrix, rows, columns, q, r }: Problem<'qr'>): number {
  const solved = new QrDecomposition(matrixOf(matrix, rows, columns));
  const orthogonal = solved.orthogonalMatrix;
  const triangular = solved.upperTriangularMatrix;
  for (let k = 0; k < columns; k += 1) {
    const sign = triangular.get(k, k) < 0 ? -1 : 1;
    for (let j = k; j < columns; j += 1) r[k * columns + j] = sign * triangular.get(k, j);
    for (let i = 0; i < rows; i += 1) q[i * columns + k] = sign * orthogonal.get(i, k);
  }
  return distanceFromOrthonormal(matrixOf(q, rows, columns));
}
