// The Quantizer port of core on ggml's kernels.
import type { Fault, Quantizer, RowConversion, Values } from '../../core/quantization/quantizer.ts';
import { AppError } from '../../contract/errors.ts';
import type { MathAddon, NativeOutcome, NativeType } from './addon-types.ts';
import { findGgmlBase } from './find-ggml.ts';
import { loadAddon } from './load-addon.ts';

export interface Ggml {
  addon: MathAddon;
  version: string;
  /** By name as GGUF tools write it: `Q4_K`. */
  types: ReadonlyMap<string, NativeType>;
}

let opened: Ggml | null = null;

/** The addon with ggml's library open and proved. @throws NATIVE_UNAVAILABLE */
export function openGgml(): Ggml {
  if (opened) return opened;
  const addon = loadAddon();
  const library = findGgmlBase();
  try {
    const { version, types } = addon.openGgml(library);
    opened = { addon, version, types: new Map(types.map((type) => [type.name.toUpperCase(), type])) };
    return opened;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'NATIVE_UNAVAILABLE',
      `${library} cannot be used: ${reason}. Install the release of node-llama-cpp that Snug names: npm ci.`,
      { library, reason },
      error,
    );
  }
}

/** Converts with `threads` threads; a call at a time keeps to that number. */
export function nativeQuantizer(threads: number): Quantizer {
  const { addon, types } = openGgml();
  const typeOf = (name: string): NativeType => {
    const type = types.get(name);
    if (!type) throw new AppError('UNSUPPORTED_TYPE', `ggml has no type ${name}.`, { type: name });
    return type;
  };
  return {
    canRead: (type) => types.get(type)?.canDequantize ?? false,
    canWrite: (type) => types.get(type)?.canQuantize ?? false,
    needsImportance: (type) => types.get(type)?.requiresImportance ?? false,
    convert: async ({ sourceType, targetType, ...rows }: RowConversion, signal) => {
      const numbers = { sourceType: typeOf(sourceType).id, targetType: typeOf(targetType).id };
      await prepare(addon, numbers.targetType, signal);
      return cancellable(signal, (cancel) => addon.convertRows({ ...rows, ...numbers, threads, cancel }), 'result');
    },
    check: ({ type, source, elements }: Values, signal) =>
      cancellable(
        signal,
        (cancel) => addon.checkFinite({ type: typeOf(type).id, source, elements, threads, cancel }),
        'source',
      ),
  };
}

/** Tables of types, built or being built. */
const tables = new Map<number, Promise<NativeOutcome>>();

/**
 * Waits until the tables of a type, and any others in work, are built: conversions would wait for ggml's lock. A caller
 * that gives up leaves the building to go on by itself; it holds no memory of a model.
 */
async function prepare(addon: MathAddon, type: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!tables.has(type)) tables.set(type, addon.prepare({ type }));
  const givenUp = Promise.withResolvers<never>();
  const stop = (): void => givenUp.reject(signal.reason);
  signal.addEventListener('abort', stop);
  try {
    await Promise.race([Promise.all(tables.values()), givenUp.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Runs a native call that stops soon after `signal`. `invalidPlace` is where a refused block lies. */
async function cancellable(
  signal: AbortSignal,
  call: (cancel: Int32Array) => Promise<NativeOutcome>,
  invalidPlace: Fault['place'],
): Promise<Fault | null> {
  signal.throwIfAborted();
  const cancel = new Int32Array(1);
  const stop = (): void => void Atomics.store(cancel, 0, 1);
  signal.addEventListener('abort', stop);
  try {
    const { status, element, value } = await call(cancel);
    if (status === 'cancelled') throw signal.reason;
    if (status === 'done') return null;
    return { place: status === 'nonFinite' ? 'source' : invalidPlace, element, value };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
