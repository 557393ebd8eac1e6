// A file that appears under its name only when it is complete: written beside it as PATH.PROCESS.part, then synced to
// the disk and renamed. Refuses what cannot end well before anything is written.
import { createHash } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { diskFull, freeBytes, requireSpace } from './disk-space.ts';
import { canKeep, keptPartPath, takeOver, writeRecord } from './kept-part.ts';
import type { KeptPart, TakenPart } from './kept-part.ts';
import { claimPart, partPath, releasePart, sweepParts } from './part-files.ts';

export interface OutputOptions {
  /** Replace a file that is there already. @default false */
  force?: boolean;
  /** Size of the finished file, for the check of free space. @default 0 */
  expectedBytes?: number;
  /** Wait until the disk has the file before it gets its name; without, a power cut may leave it torn. @default true */
  sync?: boolean;
  /** Lets the part outlive the process where the disks allow it: for files that are written in order. @default null */
  kept?: KeptPart | null;
}

export interface OutputFile {
  /** The name it will get. */
  readonly path: string;
  /** Where it is until then; complete files can be read there, for a proof before the name is given. */
  readonly partPath: string;
  /** Highest byte written so far, plus one. */
  readonly size: number;
  /** Finished pieces that a process before this one left in a kept part; 0 in a new file. */
  readonly keptPieces: number;
  /** Tells that what was written, in order from the start, are so many finished pieces: a kept part is gone on with there. */
  finished(pieces: number): Promise<void>;
  /** Writes all of `content` at `offset`. After DISK_FULL the part is gone. @throws DISK_FULL */
  write(content: Uint8Array, offset: number): Promise<void>;
  /** Hex SHA-256 of the content: kept while writing in order, read back for what was not. */
  sha256(): Promise<string>;
  /**
   * Syncs and renames; `finalPath` (default: `path`) has to be on the same disk.
   * @throws OUTPUT_EXISTS, keeping the part, when that name was taken in the meantime and `force` is not set
   */
  commit(finalPath?: string): Promise<void>;
  /** Removes the part, unless it is kept; does nothing after commit or a second time. */
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
  const kept = options.kept && (await canKeep(options.kept, fullPath)) ? options.kept : null;
  const part = kept ? keptPartPath(kept) : partPath(fullPath);
  if (!claimPart(part)) throw beingWritten(fullPath, part);
  try {
    await refuseBusy(fullPath);
    const taken = kept && (await takeOver(kept, part));
    // The name is ours: a file that has it is left from an older process with our id.
    if (!taken) await rm(part, { force: true });
    await requireSpace(fullPath, expectedBytes - (taken?.bytes ?? 0));
    const file = taken ? await open(part, 'r+') : await openPart(fullPath, part);
    return new PartFile({ path: fullPath, partPath: part }, file, { force, expectedBytes, sync, kept, taken });
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
    const details = { path: folder, missing: 'output folder' };
    throw new AppError('FILE_NOT_FOUND', `The folder ${folder} does not exist: create it first.`, details);
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

const hashChunk = 2 ** 22;

interface PartOptions extends Required<OutputOptions> {
  taken: TakenPart | null;
}

class PartFile implements OutputFile {
  readonly path: string;
  readonly partPath: string;
  readonly keptPieces: number;
  readonly #file: FileHandle;
  readonly #force: boolean;
  readonly #expectedBytes: number;
  readonly #sync: boolean;
  readonly #kept: KeptPart | null;
  #isOpen = true;
  /** Renamed or removed: the part's name may belong to the next writer. */
  #isGone = false;
  #size = 0;
  /** SHA-256 of the first `#hashed` bytes. */
  #hash = createHash('sha256');
  #hashed = 0;

  constructor(place: Pick<OutputFile, 'path' | 'partPath'>, file: FileHandle, { taken, ...options }: PartOptions) {
    this.path = place.path;
    this.partPath = place.partPath;
    this.keptPieces = taken?.pieces ?? 0;
    this.#file = file;
    this.#force = options.force;
    this.#expectedBytes = options.expectedBytes;
    this.#sync = options.sync;
    this.#kept = options.kept;
    if (taken) [this.#hash, this.#hashed, this.#size] = [taken.hash, taken.bytes, taken.bytes];
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

  async finished(pieces: number): Promise<void> {
    if (!this.#kept || this.#hashed !== this.#size) return;
    const { folder, key } = this.#kept;
    await writeRecord(folder, { key, pieces, bytes: this.#size, sha256: this.#hash.copy().digest('hex') });
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
      if (this.#kept) await rm(this.#kept.folder, { recursive: true, force: true });
      if (this.#sync) await syncFolder(dirname(resolve(finalPath)));
    } catch (error) {
      throw AppError.from(error);
    }
  }

  async discard(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    await this.#close();
    if (!this.#kept) await rm(this.partPath, { force: true });
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
