// The name of a calibration: SHA-256 over everything that decides a bit of its result. Who finds saved statistics under
// it need not make them again.
import { createHash, type Hash } from 'node:crypto';
import type { Progress } from '../../contract/progress.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { Throughput } from '../quantization/throughput.ts';

/** Goes up when the sums or the files change. */
const formatVersion = 1;
const slabBytes = 2 ** 23;

export interface FingerprintRequest {
  decoder: Decoder;
  windows: readonly Int32Array[];
  /** Provider, threads, versions of libraries, what is wanted: whatever else may change a bit. */
  settings: Readonly<Record<string, string | number | boolean>>;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/**
 * Hex SHA-256 of the format, the settings, the model's config, its tensors (names, shapes, types, all bytes) and the
 * token rows. Reads the whole model, a slab at a time. @throws CANCELLED, FILE_MALFORMED
 */
export async function calibrationFingerprint(request: FingerprintRequest): Promise<string> {
  const { decoder, windows, settings } = request;
  const hash = createHash('sha256');
  const sorted = Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const described = [formatVersion, sorted, decoder.architecture.name, decoder.model.kind, decoder.config];
  hash.update(JSON.stringify(described));
  hash.update(JSON.stringify(decoder.model.tensors.map(({ name, type, shape }) => [name, type, shape])));
  await addTensors(hash, request);
  for (const window of windows) {
    hash.update(`${window.length};`);
    hash.update(new Uint8Array(window.buffer, window.byteOffset, window.byteLength));
  }
  return hash.digest('hex');
}

/** The next slab is read while one is hashed. */
async function addTensors(hash: Hash, { decoder, signal, progress }: FingerprintRequest): Promise<void> {
  const { model } = decoder;
  const total = model.tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  const throughput = new Throughput('fingerprint', total, progress);
  const slabs = model.tensors.flatMap((entry) =>
    Array.from({ length: Math.ceil(entry.bytes / slabBytes) }, (_, index) => ({ entry, offset: index * slabBytes })),
  );
  const read = async (index: number): Promise<Uint8Array> => {
    const { entry, offset } = slabs[index]!;
    return model.read(entry, offset, Math.min(slabBytes, entry.bytes - offset));
  };
  let next = slabs.length > 0 ? read(0) : null;
  for (const [index, { entry }] of slabs.entries()) {
    const bytes = await next!;
    signal.throwIfAborted();
    next = index + 1 < slabs.length ? read(index + 1) : null;
    hash.update(bytes);
    throughput.add(bytes.length, entry.name);
  }
}
