// Tells models apart in the history without reading them whole.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { filesOf } from '../stages/open.ts';

const pieceBytes = 2 ** 16;
const pieces = 16;

/** Hex SHA-256 over the names, the sizes and 16 evenly spread pieces of 64 KiB of each file of a model, the first and the last among them; and all their bytes. */
export async function sampledHash(model: string): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of (await filesOf(model)).toSorted()) {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      hash.update(`${path.basename(file)}\n${size}\n`);
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
