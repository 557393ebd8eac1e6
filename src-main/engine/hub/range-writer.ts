// Writes pieces of a file to their places, and notes which are there.
import type { FileHandle } from 'node:fs/promises';
import type { HubFile } from './hub-file.ts';
import type { PartFolder } from './part-folder.ts';
import { addRange, rangeBytes, type ByteRange } from './ranges.ts';

interface Written {
  file: HubFile;
  /** Told of bytes that were written; below zero where they do not count any more. */
  onBytes: (bytes: number) => void;
}

/** The most that a killed process has to fetch again. */
const saveEveryMs = 300;

/** Writes pieces to their places and keeps the state of the part up to date. */
export class RangeWriter {
  readonly #data: FileHandle;
  readonly #part: PartFolder;
  readonly #file: HubFile;
  readonly #onBytes: (bytes: number) => void;
  #done: ByteRange[];
  #saved: readonly ByteRange[] = [];
  #saving: Promise<void> = Promise.resolve();
  fetched = 0;

  constructor(data: FileHandle, part: PartFolder, { file, onBytes }: Written, done: ByteRange[]) {
    this.#data = data;
    this.#part = part;
    this.#file = file;
    this.#onBytes = onBytes;
    this.#done = done;
  }

  get done(): readonly ByteRange[] {
    return this.#done;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    for (let written = 0; written < bytes.length;)
      written += (await this.#data.write(bytes, written, bytes.length - written, offset + written)).bytesWritten;
    this.#done = addRange(this.#done, [offset, offset + bytes.length]);
    this.fetched += bytes.length;
    this.#onBytes(bytes.length);
  }

  forget(): void {
    this.#onBytes(-rangeBytes(this.#done));
    this.#done = [];
  }

  /** Notes what is there, now and then while `work` goes on and once at its end. */
  async run(work: () => Promise<void>): Promise<void> {
    const timer = setInterval(() => {
      this.#saving = this.#saving.then(() => this.#save()).catch(() => undefined);
    }, saveEveryMs);
    try {
      await work();
    } finally {
      clearInterval(timer);
      await this.#saving;
      await this.#save();
    }
  }

  async #save(): Promise<void> {
    if (this.#saved === this.#done) return;
    const done = this.#done;
    await this.#part.save(this.#file, done);
    this.#saved = done;
  }
}
