// The LinearAlgebra port of core on the native addon: a LAPACK where one is found, else the addon's own code, and
// ml-matrix where the addon does not load.
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { AppError } from '../../contract/errors.ts';
import { checkedLinearAlgebra } from '../../core/linear-algebra/checked-linear-algebra.ts';
import { jsLinearAlgebra } from '../../core/linear-algebra/js-linear-algebra.ts';
import type { LinearAlgebraKernels } from '../../core/linear-algebra/kernels.ts';
import type { LinearAlgebra, LinearAlgebraLibrary } from '../../core/linear-algebra/linear-algebra.ts';
import type { MathAddon, NativeOutcome } from './addon-types.ts';
import { lapackCandidates, lapackVariable } from './find-lapack.ts';
import { loadAddon } from './load-addon.ts';

const slower =
  'No LAPACK library is used: eigenvectors take two to four times as long. "node scripts/openblas.mjs" fetches OpenBLAS; a library of the system (Debian: libopenblas0-pthread) or one named in SNUG_LAPACK is used as well.';

const slowest =
  'The native addon does not load: linear algebra runs in JavaScript, which takes minutes for hidden sizes above 1,000.';

/** The library of this process, once it was looked for. */
let opened: LinearAlgebraLibrary | null = null;

/** The fastest linear algebra of this machine. @throws NATIVE_UNAVAILABLE only when SNUG_LAPACK names a library that cannot be used */
export function openLinearAlgebra(threads = availableParallelism()): LinearAlgebra {
  let addon: MathAddon;
  try {
    addon = loadAddon();
  } catch (error) {
    return jsLinearAlgebra(`${slowest} ${AppError.from(error).message}`);
  }
  opened ??= openLapack(addon) ?? fallbackLibrary(slower);
  return checkedLinearAlgebra(nativeKernels(addon, opened, threads));
}

/** The addon's own code, whatever libraries there are. @throws NATIVE_UNAVAILABLE */
export function fallbackLinearAlgebra(threads = availableParallelism()): LinearAlgebra {
  return checkedLinearAlgebra(nativeKernels(loadAddon(), fallbackLibrary(slower), threads));
}

function fallbackLibrary(notice: string): LinearAlgebraLibrary {
  return { kind: 'fallback', name: 'fallback', path: null, integerBits: null, notice };
}

/** The first library of the list that proves to be a LAPACK, or null. @throws NATIVE_UNAVAILABLE for one that the user named */
function openLapack(addon: MathAddon): LinearAlgebraLibrary | null {
  // Idle OpenBLAS threads spin for 2^26 cycles before they sleep, and onnxruntime's threads wait for the cores meanwhile:
  // mixed work took 1.4 to 1.6 times as long (docs: engine, "OpenBLAS and ORT threads fight"). Read when the library loads.
  process.env['OPENBLAS_THREAD_TIMEOUT'] ??= '4';
  for (const path of lapackCandidates()) {
    try {
      const { version, integerBits } = addon.openLapack(path);
      return { kind: 'lapack', name: version, path, integerBits, notice: null };
    } catch (error) {
      if (!process.env[lapackVariable]) continue; // most machines lack most libraries of the list
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError(
        'NATIVE_UNAVAILABLE',
        `The library named in ${lapackVariable} cannot be used: ${reason}. Name another one, or "off" to do without.`,
        { library: path, reason },
        error,
      );
    }
  }
  return null;
}

function nativeKernels(addon: MathAddon, library: LinearAlgebraLibrary, threads: number): LinearAlgebraKernels {
  const fallback = library.kind !== 'lapack';
  return {
    library,
    eigen: async ({ precision, ...problem }, signal) => {
      const quality = new Float64Array(2);
      const options = { ...problem, quality, isDouble: precision === 'float64', fallback, threads };
      const call = (cancel: Int32Array) => addon.eigen({ ...options, cancel });
      const { status, element } = await abandonable(signal, call);
      if (status === 'invalid') return { status: 'notConverged', index: element };
      return { status: 'done', orthogonality: quality[0]!, residual: quality[1]! };
    },
    eigenvalues: async (problem, signal) => {
      const quality = new Float64Array(1);
      const call = (cancel: Int32Array) => addon.eigenvalues({ ...problem, quality, fallback, threads, cancel });
      const { status, element } = await abandonable(signal, call);
      if (status === 'invalid') return { status: 'notConverged', index: element };
      return { status: 'done', moments: quality[0]! };
    },
    gram: async ({ values, rows, size, gram, chunkRows, precision, sums }, signal) => {
      const types = { isDouble: precision === 'float64', isFloatSum: sums === 'float32' };
      const options = { values, rows, size, gram, chunkRows, ...types, fallback, threads };
      const { status, element, value } = await stoppable(signal, (cancel) => addon.gram({ ...options, cancel }));
      return status === 'done' ? null : { element, value };
    },
    gemm: async ({ what: _, ...product }, signal) => {
      await stoppable(signal, (cancel) => addon.gemm({ ...product, fallback, threads, cancel }));
    },
    cholesky: async (problem, signal) => {
      const call = (cancel: Int32Array) => addon.cholesky({ ...problem, fallback, threads, cancel });
      const { status, element, value } = await abandonable(signal, call);
      return status === 'done' ? null : { index: element, pivot: value };
    },
    qr: async (problem, signal) => {
      const quality = new Float64Array(1);
      await abandonable(signal, (cancel) => addon.qr({ ...problem, quality, fallback, threads, cancel }));
      return quality[0]!;
    },
  };
}

type Call = (cancel: Int32Array) => Promise<NativeOutcome>;

/** Waits for a call that writes to the caller's memory; it stops soon after `signal`. */
async function stoppable(signal: AbortSignal, call: Call): Promise<NativeOutcome> {
  signal.throwIfAborted();
  const cancel = new Int32Array(1);
  const stop = (): void => void Atomics.store(cancel, 0, 1);
  signal.addEventListener('abort', stop);
  try {
    const outcome = await call(cancel);
    if (outcome.status === 'cancelled') throw signal.reason;
    return outcome;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** For calls that LAPACK cannot stop and that write only to memory of their own: an abort leaves them to end by themselves. */
async function abandonable(signal: AbortSignal, call: Call): Promise<NativeOutcome> {
  const givenUp = Promise.withResolvers<never>();
  const giveUp = (): void => givenUp.reject(signal.reason);
  signal.addEventListener('abort', giveUp);
  try {
    return await Promise.race([stoppable(signal, call), givenUp.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
