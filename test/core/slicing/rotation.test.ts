// Rotations and widths by their properties: orthonormal, the same space whatever the orientation, the same function
// whatever the orthogonal matrix.
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { orientations } from '../../../src-main/core/slicing/orientation.ts';
import { sharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import type { RotationRequest } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sharedWidth } from '../../../src-main/core/slicing/shared-width.ts';
import { jsLinearAlgebra } from '../../../src-main/core/linear-algebra/js-linear-algebra.ts';
import { openLinearAlgebra } from '../../../src-main/worker/native/native-linear-algebra.ts';
import { denseFloat64, float64Logits, slicedFloat64 } from '../../support/float64-model.ts';
import { furthest, goldenModels, goldenTokens } from '../../support/golden-models.ts';
import { distance, distanceFromOrthonormal, randomMatrix, toMatrix, withSpectrum } from '../../worker/matrices.ts';

const signal = new AbortController().signal;
const linearAlgebra = openLinearAlgebra(1);
const size = 96;
/** A steep spectrum, as residual streams have it. */
const gram = withSpectrum(
  Array.from({ length: size }, (_, index) => 1e4 / (index + 1) ** 2),
  7,
);
const rotationOf = (more: Partial<RotationRequest> = {}): ReturnType<typeof sharedRotation> =>
  sharedRotation({ gram, size, width: 64, linearAlgebra, signal, ...more });

/** [size, size] basisᵀ·basis: the space that is kept, whatever its basis. */
const projector = (basis: Float64Array, width: number): number[] => {
  const matrix = toMatrix(basis, width, size);
  return matrix.transpose().mmul(matrix).to1DArray();
};

/** Rows as columns, for a check made for columns. */
const transposed = (basis: Float64Array, width: number): Float64Array =>
  Float64Array.from(toMatrix(basis, width, size).transpose().to1DArray());

describe('a shared rotation', () => {
  test.each(orientations.flatMap((kind) => [96, 80, 64, 36, 7, 1].map((width) => [kind, width] as const)))(
    '%s of width %i is orthonormal and keeps the space of the largest eigenvalues',
    async (orientation, width) => {
      const { basis, orthogonality } = await rotationOf({ orientation, width, seed: 3 });
      expect(distanceFromOrthonormal(transposed(basis, width), size, width)).toBeLessThan(1e-12);
      expect(orthogonality).toBeLessThan(1e-12);
      const plain = await rotationOf({ width });
      expect(distance(projector(basis, width), projector(plain.basis, width))).toBeLessThan(1e-12);
    },
  );

  test('says what a Hadamard orientation is made of', async () => {
    const of = async (width: number): Promise<object> =>
      (await rotationOf({ orientation: 'hadamard', width })).orientation;
    expect(await of(64)).toMatchObject({ hadamardOrder: 64, randomOrder: 1 });
    expect(await of(80)).toMatchObject({ hadamardOrder: 16, randomOrder: 5 });
    expect(await of(7)).toMatchObject({ hadamardOrder: 1, randomOrder: 7 });
  });

  test('a Hadamard orientation spreads one direction over all', async () => {
    const plain = await rotationOf();
    const { basis } = await rotationOf({ orientation: 'hadamard' });
    // The first of the PCA's directions, in the turned basis: every coordinate is ±1/8.
    const first = plain.basis.subarray(0, size);
    for (let row = 0; row < 64; row += 1) {
      const dot = basis.subarray(row * size, (row + 1) * size).reduce((sum, value, i) => sum + value * first[i]!, 0);
      expect(Math.abs(dot)).toBeCloseTo(1 / 8, 12);
    }
  });

  test.each(['random', 'hadamard'] as const)('%s: the same seed gives the same rotation', async (orientation) => {
    const [one, same, other] = [5, 5, 6].map((seed) => rotationOf({ orientation, seed }));
    expect((await one!).basis).toEqual((await same!).basis);
    expect(distance((await one!).basis, (await other!).basis)).toBeGreaterThan(0.01);
  });

  test('damping shifts eigenvalues and leaves directions', async () => {
    const [plain, damped] = [await rotationOf(), await rotationOf({ damping: 0.01 })];
    const shift = (0.01 * plain.eigenvalues.reduce((sum, value) => sum + value, 0)) / size;
    expect(
      distance(
        damped.eigenvalues,
        plain.eigenvalues.map((value) => value + shift),
      ),
    ).toBeLessThan(1e-9);
    expect(distance(projector(damped.basis, 64), projector(plain.basis, 64))).toBeLessThan(1e-10);
  });

  test('native and ml-matrix agree', async () => {
    const [native, slow] = [await rotationOf(), await rotationOf({ linearAlgebra: jsLinearAlgebra() })];
    expect(distance(native.eigenvalues, slow.eigenvalues)).toBeLessThan(1e-8);
    expect(native.energyLost).toBeCloseTo(slow.energyLost, 12);
  });

  test.each([0, 97, 4.5])('a width of %d is refused', async (width) => {
    await expect(rotationOf({ width })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('a Gram with NaN is refused with its place', async () => {
    const spoiled = gram.slice();
    spoiled[5] = NaN;
    await expect(rotationOf({ gram: spoiled })).rejects.toMatchObject({
      code: 'NUMERICAL_FAILURE',
      details: { position: [0, 5] },
    });
  });
});

describe('a width', () => {
  test('is the nearest multiple, within the hidden size', () => {
    const sizes = fc.integer({ min: 1, max: 8192 });
    const sparsities = fc.double({ min: 0, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(sizes, sparsities, sizes, (hiddenSize, sparsity, limit) => {
        const round = 1 + (limit % hiddenSize);
        const found = sharedWidth(hiddenSize, sparsity, round);
        expect(found.width % round).toBe(0);
        expect(found.width).toBeGreaterThan(0);
        expect(found.width).toBeLessThanOrEqual(hiddenSize);
        expect(found.sparsity).toBe(1 - found.width / hiddenSize);
        const wanted = (1 - sparsity) * hiddenSize;
        const off = Math.abs(found.width - wanted);
        for (const other of [found.width - round, found.width + round]) {
          if (other > 0 && other <= hiddenSize) expect(Math.abs(other - wanted)).toBeGreaterThanOrEqual(off);
        }
      }),
    );
  });

  test.each([
    [576, 0.1, 256, 512],
    [576, 0.1, 32, 512],
    [576, 0.2, 32, 448],
    [576, 0, 256, 512],
    [4096, 0.25, 256, 3072],
  ])('of %i at sparsity %d in multiples of %i is %i', (hiddenSize, sparsity, round, expected) => {
    expect(sharedWidth(hiddenSize, sparsity, round).width).toBe(expected);
  });

  test.each([
    [1, 8],
    [-0.1, 8],
    [NaN, 8],
    [0.5, 0],
    [0.5, 65],
  ])('sparsity %d in multiples of %d is refused', (sparsity, round) => {
    expect(() => sharedWidth(64, sparsity, round)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe.skipIf(!goldenModels).each(['llama-gqa', 'qwen2', 'qwen3'])('%s', async (name) => {
  const model = goldenModels ? await openModel(path.join(goldenModels, name)) : null;
  afterAll(() => model?.close());

  test('is the same function under any orthogonal matrix', async () => {
    const decoder = openDecoder(model!);
    const { hiddenSize } = decoder.config;
    const windows = goldenTokens(name)
      .slice(0, 1)
      .map((window) => window.subarray(0, 24));
    const dense = float64Logits(await denseFloat64(decoder), windows).flat();
    for (const seed of [1, 2, 3]) {
      const matrix = randomMatrix(hiddenSize, hiddenSize, seed);
      const { q: basis } = await linearAlgebra.qr(
        { what: 'a random matrix', matrix, rows: hiddenSize, columns: hiddenSize },
        signal,
      );
      const rotation = { basis, size: hiddenSize, width: hiddenSize };
      const rotated = float64Logits(await slicedFloat64(decoder, rotation, linearAlgebra), windows).flat();
      expect(Math.max(...dense.map((row, index) => furthest(rotated[index]!, row)))).toBeLessThan(1e-9);
    }
  });
});
