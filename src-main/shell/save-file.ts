// Files that a person saves from the window: whole or not at all, and with what to do where that does not work.
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../contract/errors.ts';

/** Writes all of it under another name first: what was there stays until then. @throws NOT_WRITABLE, DISK_FULL */
export async function saveFile(file: string, content: string | Uint8Array): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await writeFile(part, content);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw refusalOf(file, error);
  }
}

function refusalOf(file: string, error: unknown): AppError {
  const { code } = error as NodeJS.ErrnoException;
  const [folder, details] = [path.dirname(file), { path: file, systemCode: code }];
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new AppError(
      'NOT_WRITABLE',
      `There is no folder ${folder}: make it, or choose another one.`,
      details,
      error,
    );
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DISK_FULL', `The disk of ${folder} has no room for ${file}.`, details, error);
  if (code === undefined) return AppError.from(error);
  return new AppError('NOT_WRITABLE', `${file} cannot be written (${code}).`, details, error);
}
