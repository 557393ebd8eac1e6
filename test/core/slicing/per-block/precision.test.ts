// Bases in fp64, fp32 and fp32-sum64 against float64 loops and ml-matrix. The signal is what Llama's residual is like: few
// tokens with activations thousands of times the others', so that the first eigenvalue is above 1e8 times those at the cut.
import { EigenvalueDecomposition } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { precision as precisions } from '../../../../src-main/contract/recipe.ts';
import type { Precision } from '../../../../src-main/contract/recipe.ts';
import { jsLinearAlgebra } from '../../../../src-main/core/linear-algebra/js-linear-algebra.ts';
import type { LinearAlgebra } from '../../../../src-main/core/linear-algebra/linear-algebra.ts';
import { pcaBasis, SiteGram } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import type { Signals, SiteBasis } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import { sharedRotation } from '../../../../src-main/core/slicing/shared-rotation.ts';
import { fallbackLinearAlgebra } from '../../../../src-main/worker/native/native-linear-algebra.ts';
import { furthest } from '../../../support/golden-models.ts';
import { ports } from '../../../support/slicing.ts';
import { distanceFromOrthonormal, randomMatrix, toMatrix } from '../../../worker/matrices.ts';

const { signal } = ports;
const [rows, size, width] = [4096, 48, 36];
const massiveEvery = 128;
const noise = randomMatrix(rows, size, 3);
const [first, second] = [randomMatrix(1, size, 4), randomMatrix(1, size, 5)];
const values = Float32Array.from(noise, (value, element) => {
  const [row, column] = [Math.floor(element / size), element % size];
  const ordinary = value * 10 ** ((-1.2 * column) / size);
  if (row % massiveEvery !== 0) return ordinary;
  return ordinary + 3000 * first[column]! + 300 * noise[row * size]! * second[column]!;
});

/** Sum in float64 over the rows that `counts` takes. */
function gramOf(counts: (row: number) => boolean): Float64Array {
  const gram = new Float64Array(size * size);
  for (let row = 0; row < rows; row += 1) {
    if (!counts(row)) continue;
    const x = values.subarray(row * size, (row + 1) * size);
    x.forEach((a, i) => x.forEach((b, j) => (gram[i * size + j]! += a * b)));
  }
  return gram;
}
const exact = gramOf(() => true);
const ordinary = gramOf((row) => row % massiveEvery !== 0);
const oracle = new EigenvalueDecomposition(toMatrix(exact, size, size), { assumeSymmetric: true });
const spectrum = oracle.realEigenvalues.toSorted((a, b) => b - a);

/** Share of the energy of ordinary tokens outside of the kept directions [kept, size]. */
function lostByOrdinary(basis: ArrayLike<number>): number {
  let [kept, all] = [0, 0];
  for (let i = 0; i < size; i += 1) all += ordinary[i * (size + 1)]!;
  for (let start = 0; start < basis.length; start += size) {
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) kept += basis[start + i]! * basis[start + j]! * ordinary[i * size + j]!;
    }
  }
  return 1 - kept / all;
}

const site = { index: 0, name: 'layer3.attn_out', width, size };

async function basisIn(precision: Precision, linearAlgebra: LinearAlgebra): Promise<SiteBasis> {
  const gram = new SiteGram({ site, signals: 'raw', normEps: 1e-5, precision, linearAlgebra, signal });
  await gram.add(values, rows);
  return pcaBasis({ linearAlgebra, signal, orientation: 'pca', seed: 0, precision })(site, gram.gram);
}

/** Largest error of an eigenvalue, as a share of the largest eigenvalue. */
const eigenvalueError = ({ eigenvalues, damping }: SiteBasis): number =>
  furthest(
    eigenvalues.map((value) => value - damping),
    spectrum,
  ) / spectrum[0]!;

const orthogonalityOf = ({ basis }: SiteBasis): number => {
  const rowsAsColumns = toMatrix(basis, width, size).transpose().to1DArray();
  return distanceFromOrthonormal(Float64Array.from(rowsAsColumns), size, width);
};

test('the signal has a first eigenvalue above 1e8 times that at the cut', () => {
  expect(spectrum[0]! / spectrum[width]!).toBeGreaterThan(1e8);
});

describe.each([
  ['the machine’s library', ports.linearAlgebra],
  ['the addon’s own code', fallbackLinearAlgebra(1)],
] as const)('with %s', (_, linearAlgebra) => {
  test('fp64 finds the best directions, the others lose: fp32 most, and its orthogonality', async () => {
    const found = {
      fp64: await basisIn('fp64', linearAlgebra),
      sum64: await basisIn('fp32-sum64', linearAlgebra),
      fp32: await basisIn('fp32', linearAlgebra),
    };
    for (const basis of Object.values(found)) {
      expect(Math.abs(basis.orthogonality - orthogonalityOf(basis))).toBeLessThan(1e-14);
    }
    expect(found.fp64.orthogonality).toBeLessThan(1e-12);
    expect(found.sum64.orthogonality).toBeLessThan(1e-12);
    expect(found.fp32.orthogonality).toBeGreaterThan(1e-8);
    expect(found.fp32.orthogonality).toBeLessThan(1e-4);

    expect(eigenvalueError(found.fp64)).toBeLessThan(1e-13);
    for (const basis of [found.sum64, found.fp32]) {
      expect(eigenvalueError(basis)).toBeGreaterThan(1e-9);
      expect(eigenvalueError(basis)).toBeLessThan(1e-5);
    }

    const order = oracle.realEigenvalues
      .map((value, index) => ({ value, index }))
      .toSorted((a, b) => b.value - a.value);
    const best = order.slice(0, width).flatMap(({ index }) => oracle.eigenvectorMatrix.getColumn(index));
    const least = lostByOrdinary(best);
    expect(lostByOrdinary(found.fp64.basis) / least).toBeCloseTo(1, 6);
    expect(lostByOrdinary(found.sum64.basis)).toBeGreaterThan(1.3 * least);
    expect(lostByOrdinary(found.fp32.basis)).toBeGreaterThan(1.3 * lostByOrdinary(found.sum64.basis));
  });

  test('the shared rotation solves in float32 for fp32 alone', async () => {
    const rotationIn = (precision: Precision) =>
      sharedRotation({ gram: exact, size, width, precision, orientation: 'random', seed: 2, linearAlgebra, signal });
    const [fp64, sum64, fp32] = [await rotationIn('fp64'), await rotationIn('fp32-sum64'), await rotationIn('fp32')];
    expect(sum64.basis).toEqual(fp64.basis);
    expect(fp64.orthogonality).toBeLessThan(1e-12);
    expect(lostByOrdinary(fp32.basis)).toBeGreaterThan(1.3 * lostByOrdinary(fp64.basis));
    expect(fp32.orthogonality).toBeGreaterThan(1e-8);
    expect(fp32.orthogonality).toBeLessThan(1e-4);
    expect(furthest(fp64.eigenvalues, spectrum) / spectrum[0]!).toBeLessThan(1e-13);
    expect(furthest(fp32.eigenvalues, spectrum) / spectrum[0]!).toBeGreaterThan(1e-9);
  });

  /** Squares of 4096 and 1 need 25 bits for their sum; behind the norm both are 2. */
  const sumIn = async (precision: Precision, signals: Signals = 'raw'): Promise<number> => {
    const pair = { name: 'a site', size: 2 };
    const gram = new SiteGram({ site: pair, signals, normEps: 0, precision, linearAlgebra, signal });
    for (const row of [
      [4096, 0],
      [1, 0],
    ]) {
      await gram.add(Float32Array.from(row), 1);
    }
    return gram.gram[0]!;
  };

  test('sums of chunks are float64, but for fp32', async () => {
    expect(await sumIn('fp64')).toBe(2 ** 24 + 1);
    expect(await sumIn('fp32-sum64')).toBe(2 ** 24 + 1);
    expect(await sumIn('fp32')).toBe(2 ** 24);
    for (const precision of precisions.options) expect(await sumIn(precision, 'normed')).toBeCloseTo(4, 5);
  });

  test('sums within a chunk of 256 rows are float64 for fp64 alone', async () => {
    const tall = new Float32Array(2 * 257);
    tall[0] = 4096;
    for (let row = 1; row < 256; row += 1) tall[2 * row] = 1 / 64;
    const sums = await Promise.all(
      precisions.options.map(async (precision) => {
        const pair = { name: 'a site', size: 2 };
        const gram = new SiteGram({ site: pair, signals: 'raw', normEps: 0, precision, linearAlgebra, signal });
        await gram.add(tall, 257);
        return [precision, gram.gram[0]! === 2 ** 24 + 255 / 4096];
      }),
    );
    expect(Object.fromEntries(sums)).toEqual({ fp64: true, fp32: false, 'fp32-sum64': false });
  });
});

describe('ml-matrix, which has float64 only, refuses', () => {
  const linearAlgebra = jsLinearAlgebra();
  const refusal = { code: 'NATIVE_UNAVAILABLE', details: { wanted: 'float32', has: 'float64' } };

  test.each(['fp32', 'fp32-sum64'] as const)('%s', async (precision) => {
    await expect(basisIn(precision, linearAlgebra)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining(site.name) as string,
    });
  });

  test('an eigenproblem and sums in float32', async () => {
    const problem = { what: 'x', matrix: exact, size, precision: 'float32' } as const;
    await expect(linearAlgebra.eigh(problem, signal)).rejects.toMatchObject(refusal);
    const request = { gram: exact, size, width, linearAlgebra, signal };
    await expect(sharedRotation({ ...request, precision: 'fp32' })).rejects.toMatchObject(refusal);
    const update = { what: 'x', values, rows, size, gram: exact.slice(), sums: 'float32' } as const;
    await expect(linearAlgebra.gramAccumulate(update, signal)).rejects.toMatchObject(refusal);
    expect((await basisIn('fp64', linearAlgebra)).orthogonality).toBeLessThan(1e-12);
  });
});
