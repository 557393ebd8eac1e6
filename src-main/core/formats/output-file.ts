// A file that appears under its name only when it is complete: written beside it as PATH.PROCESS.part, then synced to
// the disk and renamed. Refuses what cannot end well before anything is written.
import { createHash } from 'node:crypto';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart, sweepParts } from './part-files.ts';

export interface OutputOptions {
  /** Replace a file that is there already. @default false */
  force?: boolean;
  /** Size of the finished file, for the check of free space. @default 0 */
  expectedBytes?: number;
  /** Wait until the disk has the file before it gets its name; without, a power cut may leave it torn. @default true */
  sync?: boolean;
}

export interface OutputFile {
  /** The name it will get. */
  readonly path: string;
  /** Where it is until then; complete files can be read there, for a proof before the name is given. */
  readonly partPath: string;
  /** Highest byte written so far, plus one. */
  readonly size: number;
  /** Writes all of `content` at `offset`. After DISK_FULL the part is gone. @throws DISK_FULL */
  write(content: Uint8Array, offset: number): Promise<void>;
  /** Hex SHA-256 of the content: kept while writing in order, read back for what was not. */
  sha256(): Promise<string>;
  /**
   * Syncs and renames; `finalPath` (default: `path`) has to be on the same disk.
   * @throws OUTPUT_EXISTS, keeping the part, when that name was taken in the meantime and `force` is not set
   */
  commit(finalPath?: string): Promise<void>;
  /** Removes the part; does nothing after commit or a second time. */
  discard(): Promise<void>;
}

/**
 * Starts an output file.
 * @throws OUTPUT_EXISTS when it exists and `force` is not set, or another writer is at it; FILE_NOT_FOUND when its
 * folder is missing; DISK_FULL with needed and free bytes
 */
export async function createOutput(path: string, options: OutputOptions = {}): Promise<OutputFile> {
  const fullPath = resolve(path);
  const { force = false, expectedBytes = 0, sync = true } = options;
  await checkFolder(fullPath);
  await checkName(fullPath, force);
  const part = partPath(fullPath);
  if (!claimPart(part)) throw beingWritten(fullPath, part);
  try {
    await refuseBusy(fullPath);
    // The name is ours: a file that has it is left from an older process with our id.
    await rm(part, { force: true });
    await requireSpace(fullPath, expectedBytes);
    const file = await openPart(fullPath, part);
    return new PartFile(fullPath, part, file, { force, expectedBytes, sync });
  } catch (error) {
    releasePart(part);
    throw AppError.from(error);
  }
}

async function openPart(path: string, part: string): Promise<FileHandle> {
  const file = await open(part, 'wx+');
  try {
    // Looked at again: of two processes that begin at the same moment, at least one sees the other here.
    await refuseBusy(path);
    return file;
  } catch (error) {
    await file.close();
    await rm(part, { force: true });
    throw error;
  }
}

async function checkFolder(path: string): Promise<void> {
  const folder = dirname(path);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new AppError(
      'FILE_NOT_FOUND',
      `The folder ${folder} does not exist; make it first or choose another output.`,
      { path: folder },
    );
  }
}

async function checkName(path: string, force: boolean): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (!found || (force && found.isFile())) return;
  const advice = found.isFile()
    ? 'use --force to replace it, or choose another name'
    : 'it is not a file; choose another name';
  throw new AppError('OUTPUT_EXISTS', `${path} exists: ${advice}.`, { path });
}

async function refuseBusy(path: string): Promise<void> {
  const [living] = await sweepParts(path);
  if (living) throw beingWritten(path, living.path);
}

function beingWritten(path: string, part: string): AppError {
  return new AppError('OUTPUT_EXISTS', `${path} is being written by another task, as ${part}.`, { path, part });
}

/** Bytes left on the disk of `path`, whose folder exists. */
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

function diskFull(path: string, needed: number, free: number, cause?: unknown): AppError {
  const message = `The disk of ${path} is full: ${needed} bytes are needed, ${free} are free.`;
  return new AppError('DISK_FULL', message, { path, needed, free }, cause);
}

const hashChunk = 2 ** 22;

class PartFile implements OutputFile {
  readonly path: string;
  readonly partPath: string;
  readonly #file: FileHandle;
  readonly #force: boolean;
  readonly #expectedBytes: number;
  readonly #sync: boolean;
  #isOpen = true;
  /** Renamed or removed: the part's name may belong to the next writer. */
  #isGone = false;
  #size = 0;
  /** SHA-256 of the first `#hashed` bytes. */
  #hash = createHash('sha256');
  #hashed = 0;

  constructor(path: string, part: string, file: FileHandle, options: Required<OutputOptions>) {
    this.path = path;
    this.partPath = part;
    this.#file = file;
    this.#force = options.force;
    this.#expectedBytes = options.expectedBytes;
    this.#sync = options.sync;
  }

  get size(): number {
    return this.#size;
  }

  async write(content: Uint8Array, offset: number): Promise<void> {
    try {
      let done = 0;
      while (done < content.length) {
        const { bytesWritten } = await this.#file.write(content, done, content.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw await this.#writeFailed(error, content.length);
    }
    this.#size = Math.max(this.#size, offset + content.length);
    if (offset < this.#hashed) this.#restartHash();
    if (offset === this.#hashed) this.#addToHash(content);
  }

  async #writeFailed(error: unknown, length: number): Promise<AppError> {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return AppError.from(error);
    const free = await freeBytes(this.path).catch(() => 0);
    const needed = Math.max(length, this.#expectedBytes - this.#size);
    await this.discard();
    return diskFull(this.path, needed, free, error);
  }

  #restartHash(): void {
    this.#hash = createHash('sha256');
    this.#hashed = 0;
  }

  #addToHash(content: Uint8Array): void {
    this.#hash.update(content);
    this.#hashed += content.length;
  }

  async sha256(): Promise<string> {
    const buffer = new Uint8Array(Math.min(hashChunk, this.#size - this.#hashed));
    while (this.#hashed < this.#size) {
      const { bytesRead } = await this.#file.read(
        buffer,
        0,
        Math.min(buffer.length, this.#size - this.#hashed),
        this.#hashed,
      );
      if (bytesRead === 0) throw new AppError('INTERNAL', `${this.partPath} became shorter while it was written.`);
      this.#addToHash(buffer.subarray(0, bytesRead));
    }
    return this.#hash.copy().digest('hex');
  }

  async commit(finalPath = this.path): Promise<void> {
    await checkName(resolve(finalPath), this.#force);
    try {
      if (this.#sync) await this.#file.sync();
      await this.#close();
      await rename(this.partPath, finalPath);
      this.#isGone = true;
      releasePart(this.partPath);
      if (this.#sync) await syncFolder(dirname(resolve(finalPath)));
    } catch (error) {
      throw AppError.from(error);
    }
  }

  async discard(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    await this.#close();
    await rm(this.partPath, { force: true });
    releasePart(this.partPath);
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

/** Makes the new name last through a power cut; not every system can, and none needs it for a correct file. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
