// Cholesky and QR of every kind of linear algebra against what defines the answer.
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { kinds, what } from '../support/algebra-kinds.ts';
import { distance, distanceFromOrthonormal, fromMatrix, randomMatrix, toMatrix, withSpectrum } from './matrices.ts';
import { quiet, thrownBy } from './quantize-oracle.ts';

const { signal } = quiet;

describe.each(kinds)('choleskySolve, %s', (_, algebra) => {
  it.each([
    [1, 1],
    [2, 3],
    [65, 1],
    [150, 40],
  ])('n = %i with %i right sides', async (size, columns) => {
    const spectrum = Array.from({ length: size }, (__, i) => 1 + i);
    const matrix = withSpectrum(spectrum, 41);
    const expected = randomMatrix(size, columns, 42);
    const rightSides = fromMatrix(toMatrix(matrix, size, size).mmul(toMatrix(expected, size, columns)));
    const copy = rightSides.slice();
    const solution = await algebra.choleskySolve({ what, matrix, size, rightSides, columns }, signal);
    expect(distance(solution, expected)).toBeLessThan(1e-11);
    expect(rightSides).toEqual(copy);
  });

  it.each([
    [0, Float64Array.of(-2, 0, 0, 0, 1, 0, 0, 0, 1), -2],
    [1, Float64Array.of(4, 2, 0, 2, -3, 0, 0, 0, 1), -4],
    [2, Float64Array.of(1, 0, 1, 0, 1, 1, 1, 1, 2), 0],
  ])('names pivot %i that is not positive', async (index, matrix, pivot) => {
    const problem = { what, matrix, size: 3, rightSides: new Float64Array(3), columns: 1 };
    const error = await thrownBy(() => algebra.choleskySolve(problem, signal));
    expect(error).toMatchObject({
      code: 'NUMERICAL_FAILURE',
      details: { what, index, measured: String(pivot), tolerance: 0 },
    });
  });

  it('names a pivot far into a large matrix', async () => {
    const size = 200;
    const matrix = fromMatrix(Matrix.eye(size));
    matrix[150 * size + 150] = -7;
    for (let i = 0; i < 150; i += 1) matrix[i * size + 150] = 0.1;
    const problem = { what, matrix, size, rightSides: new Float64Array(size), columns: 1 };
    const error = await thrownBy(() => algebra.choleskySolve(problem, signal));
    expect(error?.details).toMatchObject({ index: 150 });
    expect(Number(error?.details['measured'])).toBeCloseTo(-8.5, 10);
  });
});

describe.each(kinds)('qr, %s', (_, algebra) => {
  it.each([
    [1, 1],
    [2, 2],
    [65, 65],
    [150, 40],
    [131, 130],
  ])('%i x %i', async (rows, columns) => {
    const matrix = randomMatrix(rows, columns, 51);
    const { q, r } = await algebra.qr({ what, matrix, rows, columns }, signal);
    expect(distanceFromOrthonormal(q, rows, columns)).toBeLessThan(1e-13);
    const product = toMatrix(q, rows, columns).mmul(toMatrix(r, columns, columns));
    expect(distance(product.to1DArray(), matrix)).toBeLessThan(1e-12);
    for (let i = 0; i < columns; i += 1) {
      expect(r[i * columns + i]).toBeGreaterThan(0);
      for (let j = 0; j < i; j += 1) expect(r[i * columns + j]).toBe(0);
    }
  });
});
