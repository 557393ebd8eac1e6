// Linear algebra that is stopped, given bad input, or goes wrong.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { orthogonalityTolerance, requireBelow } from '../../src-main/core/linear-algebra/checks.ts';
import { checkedLinearAlgebra } from '../../src-main/core/linear-algebra/checked-linear-algebra.ts';
import { jsLinearAlgebra } from '../../src-main/core/linear-algebra/js-linear-algebra.ts';
import type { LinearAlgebraKernels } from '../../src-main/core/linear-algebra/kernels.ts';
import type { Floats, LinearAlgebra } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import { loadAddon } from '../../src-main/worker/native/load-addon.ts';
import { fallbackLinearAlgebra, openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { randomMatrix } from './matrices.ts';
import { quiet, seededNumbers, thrownBy } from './quantize-oracle.ts';

const { signal } = quiet;
const what = 'layer 3, attention norm';
const native = openLinearAlgebra(2);
const fallback = fallbackLinearAlgebra(2);
const javaScript = jsLinearAlgebra();
const nativeKinds: [name: string, LinearAlgebra][] = [
  [native.library.kind, native],
  ['fallback', fallback],
];

describe('an abort', () => {
  const reason = new Error('enough');
  const size = 700;
  const problem = { what, size, matrix: randomMatrix(size, size, 71) };

  it.each([...nativeKinds, ['ml-matrix', javaScript] as const])('before a call refuses it, %s', async (_, algebra) => {
    const aborted = AbortSignal.abort(reason);
    await expect(algebra.eigh({ ...problem, size: -1 }, aborted)).rejects.toBe(reason);
    await expect(algebra.qr({ ...problem, rows: -1, columns: 1 }, aborted)).rejects.toBe(reason);
  });

  it.each(nativeKinds)('during eigh answers at once, %s', async (_, algebra) => {
    const controller = new AbortController();
    const running = algebra.eigh(problem, controller.signal);
    const start = performance.now();
    setTimeout(() => controller.abort(reason), 20);
    await expect(running).rejects.toBe(reason);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it.runIf(native.library.kind === 'lapack')('ends a product that waits for the threads of a LAPACK', async () => {
    const [large, controller] = [2000, new AbortController()];
    const matrix = randomMatrix(large, large, 73);
    const product = {
      what,
      rows: 2,
      inner: 2,
      columns: 2,
      a: Float64Array.of(1, 2, 3, 4),
      b: Float64Array.of(1, 0, 0, 1),
    };
    const solving = native.eigh({ what, size: large, matrix }, controller.signal);
    await delay(100); // its threads are taken behind a look at the matrix
    const multiplying = native.gemm(product, controller.signal);
    let isLaterDone = false;
    const later = native.gemm(product, signal).then(() => (isLaterDone = true));
    setTimeout(() => controller.abort(reason), 20);
    await expect(solving).rejects.toBe(reason);
    await expect(multiplying).rejects.toBe(reason);
    expect(isLaterDone).toBe(false); // the eigenproblem goes on
    await later;
  });

  it.each(nativeKinds)('during a Gram stops it between chunks, %s', async (_, algebra) => {
    const controller = new AbortController();
    const next = seededNumbers(72);
    const values = new Float32Array(4000 * size).map(() => next());
    const gram = new Float64Array(size * size);
    const running = algebra.gramAccumulate({ what, values, rows: 4000, size, gram, chunkRows: 1 }, controller.signal);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    const left = gram.slice();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(gram).toEqual(left); // nothing writes any more
  });
});

describe('bad input', () => {
  const square = Float64Array.of(1, 0, 0, 1);

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'a wrong length',
      () => native.eigh({ what, matrix: square, size: 3 }, signal),
      /matrix has 4 elements, expected 9/,
    ],
    ['no size', () => native.eigh({ what, matrix: square, size: 0 }, signal), /size is 0/],
    ['a size beyond 32 bits', () => native.eigh({ what, matrix: square, size: 40_000 }, signal), /at most 32766/],
    [
      'another type',
      () => native.gemm<Floats>({ what, rows: 2, inner: 2, columns: 2, a: square, b: new Float32Array(4) }, signal),
      /b is no Float64Array/,
    ],
    [
      'more columns than rows',
      () => native.qr({ what, matrix: square, rows: 1, columns: 4 }, signal),
      /rows - columns/,
    ],
    [
      'a short Gram',
      () =>
        native.gramAccumulate(
          { what, values: new Float32Array(4), rows: 2, size: 2, gram: new Float64Array(3) },
          signal,
        ),
      /gram has 3 elements/,
    ],
    [
      'chunks of no rows',
      () =>
        native.gramAccumulate(
          { what, values: new Float32Array(4), rows: 2, size: 2, gram: square, chunkRows: 0 },
          signal,
        ),
      /chunkRows is 0/,
    ],
    [
      'float32 sums of float64 products',
      () => {
        const update = { what, values: new Float32Array(4), rows: 2, size: 2, gram: new Float64Array(4) };
        return native.gramAccumulate({ ...update, precision: 'float64', sums: 'float32' }, signal);
      },
      /float32 sums of float64 products/,
    ],
  ])('%s is the fault of the caller', async (_, call, message) => {
    const error = await thrownBy(call);
    expect(error).toMatchObject({ code: 'INTERNAL', details: { what } });
    expect(error?.message).toMatch(message);
  });

  const spoiled = Float64Array.of(1, NaN, 0, 1);
  it.each<[string, (algebra: LinearAlgebra) => Promise<unknown>]>([
    ['eigh', (algebra) => algebra.eigh({ what, matrix: spoiled, size: 2 }, signal)],
    ['eigvalsh', (algebra) => algebra.eigvalsh({ what, matrix: spoiled, size: 2 }, signal)],
    ['gemm', (algebra) => algebra.gemm({ what, rows: 2, inner: 2, columns: 2, a: spoiled, b: square }, signal)],
    ['qr', (algebra) => algebra.qr({ what, matrix: spoiled, rows: 2, columns: 2 }, signal)],
    [
      'choleskySolve',
      (algebra) => algebra.choleskySolve({ what, matrix: spoiled, size: 2, rightSides: square, columns: 2 }, signal),
    ],
  ])('NaN is refused by name in %s', async (_, call) => {
    const error = await thrownBy(() => call(fallback));
    expect(error).toMatchObject({ code: 'NUMERICAL_FAILURE', details: { what, position: [0, 1], measured: 'NaN' } });
    expect(error?.message).toMatch(/layer 3, attention norm/);
  });

  it('is refused once more by the addon', () => {
    const addon = loadAddon();
    const run = { fallback: true, threads: 1, cancel: null };
    const eigen = {
      size: 2,
      matrix: square,
      values: new Float64Array(2),
      vectors: new Float64Array(3),
      quality: new Float64Array(2),
      isDouble: true,
    };
    expect(() => addon.eigen({ ...eigen, ...run })).toThrow(/vectors has length 3, expected 4/);
    const values = { ...run, size: 2, matrix: square, values: new Float64Array(1), quality: new Float64Array(1) };
    expect(() => addon.eigenvalues(values)).toThrow(/values has length 1, expected 2/);
    const product = {
      rows: 1,
      inner: 1,
      columns: 1,
      transposeA: false,
      transposeB: false,
      output: new Float64Array(1),
    };
    expect(() => addon.gemm<Floats>({ ...product, ...run, a: new Float32Array(1), b: new Float64Array(1) })).toThrow(
      /Float64Array/,
    );
    expect(() =>
      addon.gemm({ ...product, ...run, threads: 0, a: new Float64Array(1), b: new Float64Array(1) }),
    ).toThrow(/threads/);
  });
});

describe('what comes out is verified', () => {
  function spoiling(change: Partial<LinearAlgebraKernels>): LinearAlgebra {
    return checkedLinearAlgebra({ library: javaScript.library, ...change } as LinearAlgebraKernels);
  }
  const problem = { what, matrix: Float64Array.of(1, 0, 0, 1), size: 2 };

  it.each([
    ['lost orthogonality', { orthogonality: 2e-10, residual: 0 }, 'the largest |QᵀQ - I|', '2e-10'],
    ['a residual', { orthogonality: 0, residual: 1e-3 }, 'the residual ‖AQ - QΛ‖ / ‖A‖', '0.001'],
    ['NaN', { orthogonality: NaN, residual: 0 }, 'the largest |QᵀQ - I|', 'NaN'],
  ])('%s', async (_, quality, quantity, measured) => {
    const algebra = spoiling({ eigen: async () => ({ status: 'done', ...quality }) });
    const error = await thrownBy(() => algebra.eigh(problem, signal));
    expect(error).toMatchObject({
      code: 'NUMERICAL_FAILURE',
      details: { what, quantity, measured, tolerance: orthogonalityTolerance },
    });
  });

  it('an eigenproblem that does not converge', async () => {
    const lost = async () => ({ status: 'notConverged', index: 4 }) as const;
    const algebra = spoiling({ eigen: lost, eigenvalues: lost });
    for (const call of [algebra.eigh(problem, signal), algebra.eigvalsh(problem, signal)]) {
      const error = await thrownBy(() => call);
      expect(error).toMatchObject({ code: 'NUMERICAL_FAILURE', details: { what, index: 4 } });
    }
  });

  it('eigenvalues whose sums are not those of the matrix', async () => {
    const algebra = spoiling({ eigenvalues: async () => ({ status: 'done', moments: 2e-10 }) });
    const error = await thrownBy(() => algebra.eigvalsh(problem, signal));
    expect(error).toMatchObject({ code: 'NUMERICAL_FAILURE', details: { what, measured: '2e-10' } });
  });

  it('a Q of QR that is not orthonormal', async () => {
    const algebra = spoiling({ qr: async () => 1e-9 });
    const error = await thrownBy(() => algebra.qr({ what, matrix: problem.matrix, rows: 2, columns: 2 }, signal));
    expect(error).toMatchObject({ code: 'NUMERICAL_FAILURE', details: { measured: '1e-9' } });
  });

  it('a value at its tolerance is outside', () => {
    expect(() => requireBelow(what, 'x', 1, 1)).toThrow(/expected less than 1/);
  });
});
