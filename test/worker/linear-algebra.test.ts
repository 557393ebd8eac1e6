// Linear algebra: which library computes, and what every kind of it has in common.
import { afterEach, describe, expect, it } from 'vitest';
import { lapackCandidates } from '../../src-main/worker/native/find-lapack.ts';
import { loadAddon } from '../../src-main/worker/native/load-addon.ts';
import { fallbackLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { fallback, kinds, native, what } from '../support/algebra-kinds.ts';
import { distance, randomMatrix, withSpectrum } from './matrices.ts';
import { quiet } from './quantize-oracle.ts';

const { signal } = quiet;

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
