// Linear algebra of every kind against ml-matrix and against what defines the answer.
import fc from 'fast-check';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { afterEach, describe, expect, it } from 'vitest';
import { jsLinearAlgebra } from '../../src-main/core/linear-algebra/js-linear-algebra.ts';
import type { Floats, LinearAlgebra, Product } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import { lapackCandidates } from '../../src-main/worker/native/find-lapack.ts';
import { loadAddon } from '../../src-main/worker/native/load-addon.ts';
import { fallbackLinearAlgebra, openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { distance, distanceFromOrthonormal, fromMatrix, randomMatrix, toMatrix, withSpectrum } from './matrices.ts';
import { quiet, thrownBy } from './quantize-oracle.ts';

const { signal } = quiet;
const what = 'layer 3, attention norm';
const native = openLinearAlgebra(2);
const fallback = fallbackLinearAlgebra(2);
const javaScript = jsLinearAlgebra();

/** Without a LAPACK on the machine the addon's own code runs alone. */
const kinds: [name: string, LinearAlgebra][] = [
  ...(native.library.kind === 'lapack' ? [['lapack', native] as [string, LinearAlgebra]] : []),
  ['fallback', fallback],
  ['ml-matrix', javaScript],
];

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

describe('the library', () => {
  it('says what it is', () => {
    const { kind, name, integerBits, notice } = native.library;
    if (kind === 'lapack') expect(notice).toBeNull();
    else expect(notice).toMatch(/openblas\.mjs/);
    expect(kind === 'lapack' ? [32, 64] : [null]).toContain(integerBits);
    expect(name).not.toBe('');
    expect(fallback.library).toMatchObject({ kind: 'fallback', path: null });
    expect(fallback.library.notice).toMatch(/No LAPACK library is used/);
  });

  it('refuses files that are no LAPACK, by name', () => {
    expect(() => loadAddon().openLapack('/nowhere/liblapack.so')).toThrow(/nowhere/);
    if (process.platform === 'linux') expect(() => loadAddon().openLapack('libm.so.6')).toThrow(/dsyevd/);
  });

  describe('is chosen by SNUG_LAPACK', () => {
    const before = process.env['SNUG_LAPACK'];
    afterEach(() => {
      if (before === undefined) delete process.env['SNUG_LAPACK'];
      else process.env['SNUG_LAPACK'] = before;
    });

    it.each([
      ['off', []],
      ['/opt/libmy.so', ['/opt/libmy.so']],
    ])('%s', (value, candidates) => {
      process.env['SNUG_LAPACK'] = value;
      expect(lapackCandidates()).toEqual(candidates);
    });
  });
});

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

/** [size, size] upper triangle of valuesᵀ values in float64, and the bound sqrt(C_ii C_jj) of each element. */
function gramOracle(values: Float32Array, size: number): Float64Array {
  const gram = new Float64Array(size * size);
  for (let row = 0; row < values.length; row += size) {
    for (let i = 0; i < size; i += 1) {
      for (let j = i; j < size; j += 1) gram[i * size + j]! += values[row + i]! * values[row + j]!;
    }
  }
  return gram;
}

describe.each(kinds)('gramAccumulate, %s', (name, algebra) => {
  const rows = 700;
  const size = 37;
  // One massive column, as residual streams have them.
  const values = Float32Array.from(randomMatrix(rows, size, 21), (value, i) => (i % size === 5 ? value * 1000 : value));

  it.each<['float32' | 'float64', number]>([
    ['float32', 2e-6],
    ['float64', 1e-14],
  ])('%s against float64', async (precision, tolerance) => {
    const gram = new Float64Array(size * size).fill(0.5);
    await algebra.gramAccumulate({ what, values, rows, size, gram, chunkRows: 256, precision }, signal);
    const oracle = gramOracle(values, size);
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) {
        const got = gram[i * size + j]! - 0.5;
        const bound = Math.sqrt(oracle[i * size + i]! * oracle[j * size + j]!);
        // Below the diagonal nothing changes.
        if (j < i) expect(got).toBe(0);
        else expect(Math.abs(got - oracle[i * size + j]!) / bound).toBeLessThan(tolerance);
      }
    }
  });

  it('adds chunks in float32 where that is asked for', async () => {
    const sum = async (sums: 'float32' | 'float64'): Promise<Float64Array> => {
      const gram = new Float64Array(size * size).fill(0.5);
      await algebra.gramAccumulate({ what, values, rows, size, gram, chunkRows: 1, sums }, signal);
      return gram;
    };
    if (name === 'ml-matrix') {
      expect(await thrownBy(() => sum('float32'))).toMatchObject({ code: 'NATIVE_UNAVAILABLE', details: { what } });
      return;
    }
    // Chunks of one row: a product and a sum, each with its own rounding.
    const found = { float32: await sum('float32'), float64: await sum('float64') };
    for (let i = 0; i < size; i += 1) {
      for (let j = i; j < size; j += 1) {
        let [single, double] = [0.5, 0.5];
        for (let row = 0; row < rows; row += 1) {
          const product = Math.fround(values[row * size + i]! * values[row * size + j]!);
          single = Math.fround(single + product);
          double += product;
        }
        expect(found.float32[i * size + j]).toBe(single);
        expect(found.float64[i * size + j]).toBe(double);
      }
    }
  });

  it('adds up over calls as over chunks', async () => {
    const whole = new Float64Array(size * size);
    await algebra.gramAccumulate({ what, values, rows, size, gram: whole, chunkRows: 100 }, signal);
    const parts = new Float64Array(size * size);
    for (let row = 0; row < rows; row += 100) {
      const part = values.subarray(row * size, (row + 100) * size);
      await algebra.gramAccumulate({ what, values: part, rows: 100, size, gram: parts }, signal);
    }
    expect(parts).toEqual(whole);
  });

  it.each<[number, 'float32' | 'float64']>([
    [NaN, 'float32'],
    [Infinity, 'float32'],
    [NaN, 'float64'],
    [-Infinity, 'float64'],
  ])('names the place of %d, products in %s', async (bad, precision) => {
    const spoiled = values.slice();
    spoiled[600 * size + 8] = bad;
    const update = { what, size, chunkRows: 128, precision };
    const gram = new Float64Array(size * size);
    const error = await thrownBy(() => algebra.gramAccumulate({ ...update, values: spoiled, rows, gram }, signal));
    expect(error).toMatchObject({
      code: 'NUMERICAL_FAILURE',
      details: { what, array: 'values', position: [600, 8], measured: String(bad) },
    });
    // The four chunks before it, and nothing of its own; ml-matrix looks at all values first.
    const before = new Float64Array(size * size);
    if (name !== 'ml-matrix')
      await algebra.gramAccumulate(
        { ...update, values: values.subarray(0, 512 * size), rows: 512, gram: before },
        signal,
      );
    expect(gram).toEqual(before);
  });

  it('refuses squares that float32 cannot hold', async () => {
    const huge = new Float32Array(4).fill(1e30);
    const update = { what, values: huge, rows: 2, size: 2, gram: new Float64Array(4) };
    const error = await thrownBy(() => algebra.gramAccumulate(update, signal));
    if (name === 'ml-matrix') expect(error).toBeNull();
    else expect(error).toMatchObject({ code: 'NUMERICAL_FAILURE', details: { measured: 'Infinity' } });
  });
});

describe.each(kinds)('gemm, %s', (_, algebra) => {
  async function expectProduct<Array extends Floats>(product: Product<Array>, tolerance: number): Promise<void> {
    const { rows, inner, columns, a, b, transposeA = false, transposeB = false } = product;
    const left = transposeA ? toMatrix(a, inner, rows).transpose() : toMatrix(a, rows, inner);
    const right = transposeB ? toMatrix(b, columns, inner).transpose() : toMatrix(b, inner, columns);
    const output = await algebra.gemm(product, signal);
    expect(output.constructor).toBe(a.constructor);
    expect(distance(output, left.mmul(right).to1DArray())).toBeLessThan(tolerance);
  }

  it.each([
    [1, 1, 1],
    [3, 700, 2],
    [130, 65, 33],
    [97, 300, 70],
  ])('%i x %i x %i in both types, transposed or not', async (rows, inner, columns) => {
    const a = randomMatrix(rows, inner, 31);
    const b = randomMatrix(inner, columns, 32);
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const shape = { what, rows, inner, columns, transposeA, transposeB };
        await expectProduct({ ...shape, a, b }, 1e-12);
        await expectProduct({ ...shape, a: Float32Array.from(a), b: Float32Array.from(b) }, 3e-6 * inner);
      }
    }
  });

  it('fills the output that it is given', async () => {
    const output = new Float64Array(4).fill(7);
    const a = Float64Array.of(1, 2, 3, 4);
    const answer = await algebra.gemm(
      { what, rows: 2, inner: 2, columns: 2, a, b: Float64Array.of(0, 1, 1, 0), output },
      signal,
    );
    expect(answer).toBe(output);
    expect(output).toEqual(Float64Array.of(2, 1, 4, 3));
  });
});

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

describe('every kind', () => {
  it('gives the same vectors where they are determined', async () => {
    const size = 40;
    const matrix = withSpectrum(
      Array.from({ length: size }, (_, i) => 2 ** (8 - i / 2)),
      61,
    );
    const [first, ...others] = await Promise.all(
      kinds.map(([, algebra]) => algebra.eigh({ what, matrix, size }, signal)),
    );
    for (const other of others) expect(distance(other.vectors, first!.vectors)).toBeLessThan(1e-8);
  });

  // Without care for the library's one number of threads these calls waited for each other for good.
  it('answers the same bits beside other calls, where eigenvectors take the threads of a LAPACK', async () => {
    const size = 1100;
    const matrix = randomMatrix(size, size, 63);
    const [a, b] = [randomMatrix(size, 300, 64), randomMatrix(300, size, 65)];
    const solve = (): Promise<{ vectors: Float64Array }> => native.eigh({ what, matrix, size }, signal);
    const multiplied = (): Promise<Float64Array> =>
      native.gemm({ what, rows: size, inner: 300, columns: size, a, b }, signal);
    const [alone, product] = [await solve(), await multiplied()];
    const [beside, ...products] = await Promise.all([solve(), ...Array.from({ length: 8 }, multiplied)]);
    expect(beside.vectors).toEqual(alone.vectors);
    for (const other of products) expect(other).toEqual(product);
  });

  it('has the same answer on any number of threads without a LAPACK', async () => {
    const size = 100;
    const matrix = withSpectrum(
      Array.from({ length: size }, (_, i) => i),
      62,
    );
    const one = await fallbackLinearAlgebra(1).eigh({ what, matrix, size }, signal);
    const three = await fallbackLinearAlgebra(3).eigh({ what, matrix, size }, signal);
    expect(three.vectors).toEqual(one.vectors);
  });
});
