// Seeded matrices for tests and measurements of linear algebra; row-major.
import { Matrix, QrDecomposition } from 'ml-matrix';
import { seededNumbers } from './quantize-oracle.ts';

/** [rows, columns] float64, about normal, mean 0. */
export function randomMatrix(rows: number, columns: number, seed: number): Float64Array {
  const next = seededNumbers(seed);
  return Float64Array.from({ length: rows * columns }, () => next() + next() + next() - 1.5);
}

export function toMatrix(values: ArrayLike<number>, rows: number, columns: number): Matrix {
  return new Matrix(
    Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => values[i * columns + j]!)),
  );
}

export function fromMatrix(matrix: Matrix): Float64Array {
  return Float64Array.from(matrix.to1DArray());
}

/** [size, size] Q diag(values) Qᵀ with a seeded orthogonal Q. */
export function withSpectrum(values: readonly number[], seed: number): Float64Array {
  const size = values.length;
  const q = new QrDecomposition(toMatrix(randomMatrix(size, size, seed), size, size)).orthogonalMatrix;
  const symmetric = q.mmul(Matrix.diag([...values])).mmul(q.transpose());
  return fromMatrix(symmetric.add(symmetric.transpose()).mul(0.5));
}

/** Largest |left - right|. */
export function distance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  if (left.length !== right.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < left.length; i += 1) largest = Math.max(largest, Math.abs(left[i]! - right[i]!));
  return largest;
}

/** Largest |QᵀQ - I| of [rows, columns]. */
export function distanceFromOrthonormal(q: Float64Array, rows: number, columns: number): number {
  const matrix = toMatrix(q, rows, columns);
  return distance(matrix.transpose().mmul(matrix).to1DArray(), Matrix.eye(columns).to1DArray());
}
