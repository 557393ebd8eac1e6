// A saved summed Gram: a GGUF of general.type `snug.gram` with one tensor `gram` [D, D] float64. It can be looked at with
// any GGUF tool, and its header says what it was made of.
import { AppError, malformed } from '../../contract/errors.ts';
import { createGgufWriter, ggufLayout } from '../formats/gguf-writer.ts';
import { openGguf } from '../formats/gguf-reader.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';
import { firstNonFinite } from '../formats/finite-check.ts';

const fileKind = 'snug.gram';
const tensorName = 'gram';

export interface SavedGram {
  /** [D, D] float64, symmetric. */
  gram: Float64Array<ArrayBuffer>;
  /** D. */
  size: number;
  tokens: number;
  /** Norm inputs that were summed: 2L + 1. */
  sites: number;
}

/** @throws OUTPUT_EXISTS, DISK_FULL, FILE_NOT_FOUND */
export async function writeGram(
  output: string,
  saved: Omit<SavedGram, 'gram'> & { gram: Float64Array },
): Promise<void> {
  const { gram, size, tokens, sites } = saved;
  const metadata = new GgufMetadata(output)
    .set('general.type', { type: 'string', value: fileKind })
    .set('snug.gram.tokens', { type: 'uint64', value: BigInt(tokens) })
    .set('snug.gram.sites', { type: 'uint32', value: sites });
  const layout = ggufLayout(metadata, [{ name: tensorName, type: 'F64', shape: [size, size] }]);
  const writer = await createGgufWriter(output, layout);
  await writer.writeTensor(tensorName, new Uint8Array(gram.buffer, gram.byteOffset, gram.byteLength));
  await writer.finish();
}

/** @throws FILE_NOT_FOUND; FILE_MALFORMED for another kind of file; NON_FINITE */
export async function readGram(path: string): Promise<SavedGram> {
  const file = await openGguf(path);
  try {
    const kind = file.metadata.string('general.type', 'model');
    const entry = file.tensors.find(({ name }) => name === tensorName);
    const [size = 0, rows] = entry?.shape ?? [];
    if (kind !== fileKind || entry?.type !== 'F64' || size !== rows) {
      throw malformed(path, 'file', {
        expected: `a Gram that Snug saved (${fileKind})`,
        actual: `a file of type ${kind}`,
      });
    }
    const gram = new Float64Array(size * size);
    await file.readInto(entry, new Uint8Array(gram.buffer));
    const bad = firstNonFinite('F64', new Uint8Array(gram.buffer));
    if (bad !== -1) throw new AppError('NON_FINITE', `${path} holds ${gram[bad]}: calibrate again.`, { path });
    const count = (key: string): number => file.metadata.integer(`snug.gram.${key}`);
    return { gram, size, tokens: count('tokens'), sites: count('sites') };
  } finally {
    await file.close();
  }
}
