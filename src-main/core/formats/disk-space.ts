// What a disk has room for, asked before anything is written.
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../contract/errors.ts';

/** Infinity where the disk does not tell. */
export async function freeBytes(path: string): Promise<number> {
  const disk = await statfs(dirname(path));
  // Some network file systems do not tell; then the write itself will.
  return disk.blocks === 0 ? Infinity : disk.bavail * disk.bsize;
}

/** Whether the disk of `path`, whose folder exists, has `needed` bytes left. */
export const hasSpace = async (path: string, needed: number): Promise<boolean> => needed <= (await freeBytes(path));

/** Checks that the disk of `path`, whose folder exists, has `needed` bytes left. @throws DISK_FULL with both numbers */
export async function requireSpace(path: string, needed: number): Promise<void> {
  const free = await freeBytes(path);
  if (needed > free) throw diskFull(path, needed, free);
}

export function diskFull(path: string, needed: number, free: number, cause?: unknown): AppError {
  const message = `The disk of ${path} is full: ${needed} bytes are needed, ${free} are free.`;
  return new AppError('DISK_FULL', message, { path, needed, free }, cause);
}
