// Eigenvectors of every kind of linear algebra against ml-matrix and against what defines the answer.
import fc from 'fast-check';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import type { LinearAlgebra } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import { kinds, what } from '../support/algebra-kinds.ts';
import { distance, distanceFromOrthonormal, fromMatrix, randomMatrix, toMatrix, withSpectrum } from './matrices.ts';
import { quiet } from './quantize-oracle.ts';

const { signal } = quiet;

function multiply(left: Float64Array, right: Float64Array, size: number): Float64Array {
  return fromMatrix(toMatrix(left, size, size).mmul(toMatrix(right, size, size)));
}

/** Values descending, vectors orthonormal, and A V = V Λ relative to the largest eigenvalue. */
async function expectSolved(algebra: LinearAlgebra, matrix: Float64Array, size: number): Promise<Float64Array> {
  const { values, vectors, library } = await algebra.eigh({ what, matrix, size }, signal);
  expect(library).toBe(algebra.library.kind);
  const alone = await algebra.eigvalsh({ what, matrix, size }, signal);
  expect(alone).toEqual(alone.toSorted().toReversed());
  expect(distance(alone, values)).toBeLessThanOrEqual(1e-13 * size * Math.max(...values.map(Math.abs)));
  expect(values).toEqual(values.toSorted().toReversed());
  expect(distanceFromOrthonormal(vectors, size, size)).toBeLessThan(1e-12);
  const scaled = fromMatrix(toMatrix(vectors, size, size).mulRowVector(Array.from(values)));
  const norm = Math.max(Math.abs(values[0]!), Math.abs(values[size - 1]!), Number.MIN_VALUE);
  expect(distance(multiply(matrix, vectors, size), scaled) / norm).toBeLessThan(1e-13 * Math.max(10, size));
  for (let j = 0; j < size; j += 1) {
    const column = Array.from({ length: size }, (_, i) => vectors[i * size + j]!);
    expect(column.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best))).toBeGreaterThan(0);
  }
  return values;
}

describe.each(kinds)('eigh, %s', (name, algebra) => {
  const sizes = name === 'ml-matrix' ? [1, 2, 3, 65] : [1, 2, 3, 65, 300];

  it.each(sizes)('random, n = %i', async (size) => {
    const random = toMatrix(randomMatrix(size, size, size), size, size);
    const symmetric = random.clone().add(random.transpose());
    const values = await expectSolved(algebra, fromMatrix(symmetric), size);
    if (size > 65) return; // the oracle takes seconds
    const expected = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues;
    expect(
      distance(
        values,
        expected.toSorted((a, b) => b - a),
      ),
    ).toBeLessThan(1e-13 * size);
  });

  it('a graded spectrum of condition 1e8', async () => {
    const size = 65;
    const spectrum = Array.from({ length: size }, (_, i) => 10 ** (4 - (8 * i) / (size - 1)));
    const values = await expectSolved(algebra, withSpectrum(spectrum, 7), size);
    expect(distance(values, spectrum)).toBeLessThan(1e-10);
  });

  it.each<[string, number[]]>([
    ['all equal', Array<number>(20).fill(3)],
    ['in groups', [9, 9, 9, 9, 4, 4, 4, 1, 1, 0, 0, 0, -2, -2]],
    ['of rank one', [5, ...Array<number>(30).fill(0)]],
  ])('eigenvalues %s', async (_, spectrum) => {
    const values = await expectSolved(algebra, withSpectrum(spectrum, 11), spectrum.length);
    expect(distance(values, spectrum)).toBeLessThan(1e-13);
  });

  it('a diagonal matrix, zeros, and numbers near the ends of float64', async () => {
    const diagonal = Matrix.diag([1, 5, 2, -4]);
    expect(Array.from(await expectSolved(algebra, fromMatrix(diagonal), 4))).toEqual([5, 2, 1, -4]);
    expect(Array.from(await expectSolved(algebra, new Float64Array(9), 3))).toEqual([0, 0, 0]);
    if (name === 'ml-matrix') return; // its squares overflow
    for (const scale of [1e200, 1e-200]) {
      const { values } = await algebra.eigh(
        { what, matrix: Float64Array.of(scale, scale, scale, scale), size: 2 },
        signal,
      );
      expect(values[0]! / scale).toBeCloseTo(2, 12);
    }
  });

  it('reads the upper triangle and leaves its input alone', async () => {
    const upper = Float64Array.of(2, 1, NaN, 2);
    const { values } = await algebra.eigh({ what, matrix: upper, size: 2 }, signal);
    expect(distance(values, [3, 1])).toBeLessThan(1e-15);
    expect(upper).toEqual(Float64Array.of(2, 1, NaN, 2));
  });

  it('property: any symmetric matrix of integers', async () => {
    const matrices = fc
      .integer({ min: 1, max: 12 })
      .chain((size) => fc.array(fc.integer({ min: -9, max: 9 }), { minLength: size * size, maxLength: size * size }));
    await fc.assert(
      fc.asyncProperty(matrices, async (numbers) => {
        const size = Math.sqrt(numbers.length);
        const half = toMatrix(numbers, size, size);
        await expectSolved(algebra, fromMatrix(half.add(half.transpose())), size);
      }),
      { numRuns: 40, seed: 5 },
    );
  });
});

describe.each(kinds.filter(([name]) => name !== 'ml-matrix'))('eigh in float32, %s', (_, algebra) => {
  it.each([1, 2, 3, 65, 300])('n = %i: the right answer to its rounding, and no better', async (size) => {
    const spectrum = Array.from({ length: size }, (__, i) => 10 ** ((3 * (size - i)) / size));
    const matrix = withSpectrum(spectrum, 7);
    const problem = { what, matrix, size };
    const { values, vectors } = await algebra.eigh({ ...problem, precision: 'float32' }, signal);
    expect(values).toEqual(values.map(Math.fround));
    expect(vectors).toEqual(vectors.map(Math.fround));
    expect(distance(values, spectrum) / spectrum[0]!).toBeLessThan(2e-6);
    const [orthogonality, exact] = [
      distanceFromOrthonormal(vectors, size, size),
      distanceFromOrthonormal((await algebra.eigh(problem, signal)).vectors, size, size),
    ];
    expect(orthogonality).toBeLessThan(1e-5);
    if (size >= 65) expect(orthogonality).toBeGreaterThan(1e6 * exact);
    const scaled = fromMatrix(toMatrix(vectors, size, size).mulRowVector(Array.from(values)));
    expect(distance(multiply(matrix, vectors, size), scaled) / spectrum[0]!).toBeLessThan(1e-5);
  });

  it('numbers near the ends of float64, which float32 does not have', async () => {
    for (const scale of [1e200, 1e-200]) {
      const matrix = Float64Array.of(scale, scale, NaN, scale);
      const { values } = await algebra.eigh({ what, matrix, size: 2, precision: 'float32' }, signal);
      expect(values[0]! / scale).toBeCloseTo(2, 5);
    }
  });
});
