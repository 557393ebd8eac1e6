// The checksum of a whole file.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

interface HashOptions {
  signal?: AbortSignal;
  /** Told of the bytes that are read. */
  onProgress?: (done: number) => void;
}

/** Hex SHA-256 of the bytes as they are now. */
export async function sha256OfFile(file: string, { signal, onProgress }: HashOptions = {}): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 22, ...(signal && { signal }) })) {
    hash.update(chunk as Buffer);
    onProgress?.((done += (chunk as Buffer).length));
  }
  return hash.digest('hex');
}
