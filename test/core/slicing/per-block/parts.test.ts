// The small parts of per-block slicing that whole models hardly tell apart: eps, precision of Grams, what a step's graph asks.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../../src-main/core/graph/graph-builder.ts';
import { pcaBasis, SiteGram } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import type { Signals } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import { slicedNorm } from '../../../../src-main/core/slicing/per-block/sliced-graphs.ts';
import { ports } from '../../../support/slicing.ts';
import { distanceFromOrthonormal, randomMatrix, toMatrix } from '../../../worker/matrices.ts';

test('a norm of few columns divides by the hidden size, eps included', async () => {
  const [width, hiddenSize, eps] = [3, 8, 0.5];
  const norm = slicedNorm(width, hiddenSize, eps);
  const g = new GraphBuilder('norm');
  const x = g.input('x', ['N', width]);
  const y = g.rmsNorm(x, g.floats(new Float32Array(width).fill(norm.weight), [width]), norm.eps);
  g.output('y', y, ['N', width]);
  const runner = await ports.runtime.open(g.encode());
  const rows = [Float32Array.of(0.1, -0.2, 0.3), Float32Array.of(4, 5, -6)];
  const data = Float32Array.from(rows.flatMap((row) => [...row]));
  const { y: found } = await runner.run({ x: { data, shape: [2, width] } }, { y: null });
  await runner.dispose();
  const expected = rows.flatMap((row) => {
    const sum = row.reduce((total, value) => total + value ** 2, 0);
    return Array.from(row, (value) => value / Math.sqrt(sum / hiddenSize + eps));
  });
  for (const [index, value] of expected.entries()) expect(found![index]).toBeCloseTo(value, 6);
});

describe('a Gram', () => {
  const gramOf = async (signals: Signals, values: number[], size: number): Promise<Float64Array> => {
    const gram = new SiteGram({ ...ports, site: { name: 'a site', size }, signals, normEps: 0.25 });
    await gram.add(Float32Array.from(values), values.length / size);
    return gram.gram;
  };

  test('of raw signals is summed in float64', async () => {
    // 4096² + 1² needs 25 bits.
    expect(Array.from(await gramOf('raw', [4096, 0, 1, 0], 2))).toEqual([2 ** 24 + 1, 0, 0, 0]);
  });

  test('of normed signals is that of x / sqrt(Σx²/D + eps)', async () => {
    const [a, b, c] = await gramOf('normed', [3, 4], 2);
    const scale = 1 / (25 / 2 + 0.25);
    for (const [found, expected] of [
      [a, 9 * scale],
      [b, 12 * scale],
      [c, 0],
    ]) {
      expect(found).toBeCloseTo(expected!, 6);
    }
  });

  test('of numbers that are not finite names its site', async () => {
    await expect(gramOf('raw', [1, NaN], 2)).rejects.toMatchObject({ code: 'NUMERICAL_FAILURE', message: /a site/ });
  });
});

test('a basis is orthonormal to 1e-12, whatever the signal, its rank and the width', async () => {
  const signals = fc.record({
    ...{ size: fc.integer({ min: 1, max: 40 }), share: fc.double({ min: 0, max: 1, noNaN: true }) },
    ...{ rows: fc.integer({ min: 1, max: 60 }), grade: fc.double({ min: 0, max: 12, noNaN: true }) },
    ...{ seed: fc.integer({ min: 1, max: 1e6 }), orientation: fc.constantFrom('pca', 'random', 'hadamard') },
  });
  await fc.assert(
    fc.asyncProperty(signals, async ({ size, share, rows, grade, seed, orientation }) => {
      const width = Math.max(1, Math.round(share * size));
      const site = { index: 0, name: 'a site', width, size };
      const gram = new SiteGram({ ...ports, site, signals: 'raw', normEps: 0 });
      const values = randomMatrix(rows, size, seed).map(
        (value, index) => value * 10 ** ((-grade * (index % size)) / size),
      );
      await gram.add(Float32Array.from(values), rows);
      const { basis, orthogonality } = await pcaBasis({ ...ports, orientation, seed })(site, gram.gram);
      const measured = distanceFromOrthonormal(transposed(basis, width, size), size, width);
      expect(measured).toBeLessThan(1e-12);
      expect(Math.abs(measured - orthogonality)).toBeLessThan(1e-13);
    }),
    { numRuns: 60, seed: 7 },
  );
});

/** [rows, columns] as [columns, rows]. */
const transposed = (values: Float64Array, rows: number, columns: number): Float64Array =>
  Float64Array.from(toMatrix(values, rows, columns).transpose().to1DArray());

test('sites are turned each in its own way', async () => {
  const findBasis = pcaBasis({ ...ports, orientation: 'random', seed: 3 });
  const basisOf = async (index: number): Promise<Float64Array> =>
    (await findBasis({ index, name: 'a site', width: 2, size: 3 }, Float64Array.of(3, 0, 0, 0, 2, 0, 0, 0, 1))).basis;
  expect(await basisOf(0)).toEqual(await basisOf(0));
  expect(await basisOf(0)).not.toEqual(await basisOf(1));
});

test('what no output depends on is dropped, inputs included', async () => {
  const g = new GraphBuilder('partly used');
  const [x, unused] = [g.input('x', ['N', 2]), g.input('unused', ['N', 2])];
  const dead = g.add(g.add(x, unused), g.floats(Float32Array.of(1, 2), [2]));
  g.multiply(dead, dead);
  g.output('y', g.add(x, g.floats(Float32Array.of(10, 20), [2])), ['N', 2]);
  g.dropUnused();
  const runner = await ports.runtime.open(g.encode());
  const { y } = await runner.run({ x: { data: Float32Array.of(1, 2), shape: [1, 2] } }, { y: null });
  await runner.dispose();
  expect(Array.from(y!)).toEqual([11, 22]);
});
