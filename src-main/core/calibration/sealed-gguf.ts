// GGUF files of Snug's own kinds that tell whether they are whole: key `snug.crc32` covers the header (with that key at
// 0) and the bytes of every tensor in order. All tensors are float64.
import { crc32 } from 'node:zlib';
import { malformed } from '../../contract/errors.ts';
import { openGguf } from '../formats/gguf-reader.ts';
import { createGgufWriter, ggufLayout } from '../formats/gguf-writer.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';

const kindKey = 'general.type';
const sumKey = 'snug.crc32';

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

/** Puts the number that covers the header and, once for each part in order, the tensors, into a layout's metadata. */
class Seal {
  readonly #metadata: GgufMetadata;
  #sum = 0;

  constructor(metadata: GgufMetadata) {
    this.#metadata = metadata;
    this.#set(0);
  }

  add(bytes: Uint8Array): void {
    this.#sum = crc32(bytes, this.#sum);
  }

  close(): number {
    this.#set(this.#sum);
    return this.#sum;
  }

  #set(value: number): void {
    this.#metadata.set(sumKey, { type: 'uint32', value });
  }
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
  const seal = new Seal(sealed);
  const layout = ggufLayout(
    sealed,
    tensors.map(({ name, shape }) => ({ name, shape, type: 'F64' })),
  );
  seal.add(layout.header);
  for (const { values } of tensors) seal.add(bytesOf(values));
  seal.close();
  const writer = await createGgufWriter(output, layout, { force: true, sync });
  for (const { name, values } of tensors) await writer.writeTensor(name, bytesOf(values));
  await writer.finish();
}

/** Reads a file that writeSealed wrote. @throws FILE_NOT_FOUND; FILE_MALFORMED for another kind and for any changed bit */
export async function readSealed(path: string, kind: string): Promise<SealedFile> {
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
    const seal = new Seal(metadata);
    seal.add(ggufLayout(metadata, file.tensors).header);
    const tensors = new Map<string, Float64Array<ArrayBuffer>>();
    for (const entry of file.tensors) {
      const values = new Float64Array(entry.bytes / Float64Array.BYTES_PER_ELEMENT);
      await file.readInto(entry, bytesOf(values));
      seal.add(bytesOf(values));
      tensors.set(entry.name, values);
    }
    const sum = seal.close();
    if (sum !== expected)
      throw malformed(path, 'content', { expected: `the checksum ${expected}`, actual: String(sum) });
    return { metadata, tensors };
  } finally {
    await file.close();
  }
}

const bytesOf = (values: Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
