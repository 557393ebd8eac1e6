// Tells models apart without reading them whole.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { filesOf } from '../stages/open.ts';

const pieceBytes = 2 ** 16;
const pieces = 16;

export interface SampledHash {
  /** Hex SHA-256. */
  hash: string;
  /** Of all files. */
  bytes: number;
}

/** Over the sizes and 16 evenly spread pieces of 64 KiB of each file of a model, the first and the last among them. */
export const sampledHash = async (model: string): Promise<SampledHash> =>
  sampledHashOf((await filesOf(model)).toSorted());

/** The same of single files, in this order. */
export async function sampledHashOf(files: readonly string[]): Promise<SampledHash> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of files) {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      hash.update(`${size}\n`);
      bytes += size;
      const last = Math.max(0, size - pieceBytes);
      const offsets = new Set(Array.from({ length: pieces }, (_, index) => Math.floor((last * index) / (pieces - 1))));
      for (const offset of offsets) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(pieceBytes), 0, pieceBytes, offset);
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }
  return { hash: hash.digest('hex'), bytes };
}
