// Files of full size in which only some bytes are written: the rest is a hole that takes no space on disk and reads as
// zeros. What plans and llama.cpp's sizes need of a model is its header alone.
import { open, rm } from 'node:fs/promises';
import { AppError } from '../../contract/errors.ts';

/** Writes all of `content` at `offset`. */
export type WriteAt = (content: Uint8Array, offset: number) => Promise<void>;

/**
 * Makes a file of `fileBytes` bytes with what `fill` writes. A failure leaves no file.
 * @throws OUTPUT_EXISTS, FILE_NOT_FOUND when the folder is missing, DISK_FULL, and what `fill` throws
 */
export async function writeSparse(
  path: string,
  fileBytes: number,
  fill: (write: WriteAt) => Promise<void>,
): Promise<void> {
  const file = await open(path, 'wx').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw AppError.from(error);
    throw new AppError('OUTPUT_EXISTS', `${path} exists: choose another name.`, { path }, error);
  });
  try {
    await fill(async (content, offset) => {
      let done = 0;
      while (done < content.length)
        done += (await file.write(content, done, content.length - done, offset + done)).bytesWritten;
    });
    await file.truncate(fileBytes);
  } catch (error) {
    await rm(path, { force: true });
    throw AppError.from(error);
  } finally {
    await file.close();
  }
}
