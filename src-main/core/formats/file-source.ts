// Positional reads of a file on disk; never holds more than what was asked for.
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError, malformed } from '../../contract/errors.ts';
import { checkRange } from './byte-source.ts';
import type { ByteSource } from './byte-source.ts';

/** Linux reads at most 2^31 - 4096 bytes a call; half of that leaves room on every system. */
const longestRead = 2 ** 30;

async function fill(file: FileHandle, name: string, target: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, Math.min(target.length - done, longestRead), offset + done);
    if (bytesRead === 0) {
      throw malformed(name, `byte ${offset + done}`, {
        expected: `${target.length - done} more bytes`,
        actual: 'the end of the file: it became shorter while it was read',
      });
    }
    done += bytesRead;
  }
}

/**
 * Opens a regular file for reading.
 * @throws FILE_NOT_FOUND when it is missing, unreadable or not a regular file
 */
export async function openFileSource(path: string): Promise<ByteSource> {
  try {
    // Looked at before it is opened: opening a named pipe would wait for a writer.
    if (!(await stat(path)).isFile()) throw new AppError('FILE_NOT_FOUND', `${path} is not a file.`, { path });
    const file = await open(path, 'r');
    const { size } = await file.stat();
    return fileSource(path, file, size);
  } catch (error) {
    throw AppError.from(error);
  }
}

function fileSource(path: string, file: FileHandle, size: number): ByteSource {
  async function readInto(target: Uint8Array, offset: number): Promise<void> {
    checkRange(path, size, offset, target.length);
    try {
      await fill(file, path, target, offset);
    } catch (error) {
      throw AppError.from(error);
    }
  }
  return {
    name: path,
    size,
    readInto,
    async read(offset, length) {
      checkRange(path, size, offset, length);
      const target = new Uint8Array(length);
      await readInto(target, offset);
      return target;
    },
    close: () => file.close(),
  };
}
