// Grams and products of every kind of linear algebra against plain loops and ml-matrix.
import { describe, expect, it } from 'vitest';
import type { Floats, Product } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import { kinds, what } from '../support/algebra-kinds.ts';
import { distance, randomMatrix, toMatrix } from './matrices.ts';
import { quiet, thrownBy } from './quantize-oracle.ts';

const { signal } = quiet;

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
