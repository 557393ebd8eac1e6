// GGUF files of Snug's own kinds that tell whether they are whole: key `snug.crc32` covers the header (with that key at
// 0) and the bytes of every tensor in order. All tensors are float64.
import { crc32 } from 'node:zlib';
import { malformed } from '../../contract/errors.ts';
import { openGguf } from '../formats/gguf-reader.ts';
import { createGgufWriter, ggufLayout } from '../formats/gguf-writer.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';
import type { TensorEntry } from '../formats/tensor.ts';

const kindKey = 'general.type';
const sumKey = 'snug.crc32';
const slabBytes = 2 ** 22;

export interface SealedTensor {
  name: string;
  /** Fastest dimension first. */
  shape: readonly number[];
  values: Float64Array;
}

export interface SealedFile {
  metadata: GgufMetadata;
  /** By name, in file order. */
  tensors: ReadonlyMap<string, Float64Array<ArrayBuffer>>;
}

/**
 * Writes tensors and `metadata` as `output`, in place of an older file there. With `sync` false the file may be lost,
 * or found torn, after a power cut; after a kill it is whole. @throws DISK_FULL, FILE_NOT_FOUND
 */
export async function writeSealed(
  output: string,
  { kind, metadata, tensors }: { kind: string; metadata: GgufMetadata; tensors: readonly SealedTensor[] },
  { sync = true }: { sync?: boolean } = {},
): Promise<void> {
  const sealed = new GgufMetadata(output, [[kindKey, { type: 'string', value: kind }], ...metadata]);
  setSum(sealed, 0);
  const shapes = tensors.map(({ name, shape }) => ({ name, shape, type: 'F64' }));
  const layout = ggufLayout(sealed, shapes);
  const sum = tensors.reduce((total, { values }) => crc32(bytesOf(values), total), crc32(layout.header));
  setSum(sealed, sum);
  const writer = await createGgufWriter(output, layout, { force: true, sync });
  for (const { name, values } of tensors) await writer.writeTensor(name, bytesOf(values));
  await writer.finish();
}

/** Reads a file that writeSealed wrote. @throws FILE_NOT_FOUND; FILE_MALFORMED for another kind and for any changed bit */
export async function readSealed(path: string, kind: string): Promise<SealedFile> {
  const tensors = new Map<string, Float64Array<ArrayBuffer>>();
  const metadata = await scan(path, kind, ({ name, bytes }) => {
    const values = new Float64Array(bytes / Float64Array.BYTES_PER_ELEMENT);
    tensors.set(name, values);
    return bytesOf(values);
  });
  return { metadata, tensors };
}

/** Reads such a file a slab at a time and keeps its metadata only. @throws as readSealed */
export async function checkSealed(path: string, kind: string): Promise<GgufMetadata> {
  return scan(path, kind, () => null);
}

/** Reads all tensors into what `targetOf` gives (null: nowhere) and compares the sum. */
async function scan(
  path: string,
  kind: string,
  targetOf: (entry: TensorEntry) => Uint8Array | null,
): Promise<GgufMetadata> {
  const file = await openGguf(path);
  try {
    const actual = file.metadata.string(kindKey, 'model');
    if (actual !== kind || file.tensors.some(({ type }) => type !== 'F64'))
      throw malformed(path, 'file', {
        expected: `a file that Snug saved (${kind})`,
        actual: `a file of type ${actual}`,
      });
    const expected = file.metadata.integer(sumKey);
    const metadata = file.metadata.clone();
    setSum(metadata, 0);
    let sum = crc32(ggufLayout(metadata, file.tensors).header);
    const slab = new Uint8Array(slabBytes);
    for (const entry of file.tensors) {
      const target = targetOf(entry);
      for (let offset = 0; offset < entry.bytes; offset += slabBytes) {
        const length = Math.min(slabBytes, entry.bytes - offset);
        const bytes = target?.subarray(offset, offset + length) ?? slab.subarray(0, length);
        await file.readInto(entry, bytes, offset);
        sum = crc32(bytes, sum);
      }
    }
    if (sum !== expected)
      throw malformed(path, 'content', { expected: `the checksum ${expected}`, actual: String(sum) });
    return metadata;
  } finally {
    await file.close();
  }
}

const setSum = (metadata: GgufMetadata, value: number): GgufMetadata => metadata.set(sumKey, { type: 'uint32', value });

const bytesOf = (values: Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
