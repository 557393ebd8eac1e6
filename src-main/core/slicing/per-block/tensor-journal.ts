// The finished tensors of a slice, one behind the other in a file of their own: the folder that they belong to is made
// anew by whoever goes on, whatever its name and place are then.
import { crc32 } from 'node:zlib';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../../contract/errors.ts';

/** A tensor as its file has it. */
export interface JournalEntry {
  name: string;
  bytes: number;
  crc32: number;
}

const slabBytes = 2 ** 22;

export class TensorJournal {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #entries: JournalEntry[];
  #end: number;

  private constructor(path: string, file: FileHandle, entries: readonly JournalEntry[]) {
    this.#path = path;
    this.#file = file;
    this.#entries = [...entries];
    this.#end = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Opens the journal that holds `entries`, and drops what lies behind them. @throws FILE_MALFORMED when one is not whole */
  static async open(path: string, entries: readonly JournalEntry[], signal: AbortSignal): Promise<TensorJournal> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT).catch((error: unknown) => {
      throw AppError.from(error);
    });
    try {
      const journal = new TensorJournal(path, file, entries);
      await journal.#check(signal);
      await file.truncate(journal.#end);
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Whole tensors, in order. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Passes the content of a tensor on, and keeps it. @throws DISK_FULL */
  async *keep(name: string, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    let [sum, bytes] = [0, 0];
    for await (const part of content) {
      await this.#append(part, this.#end + bytes);
      sum = crc32(part, sum);
      bytes += part.length;
      yield part;
    }
    this.#entries.push({ name, bytes, crc32: sum });
    this.#end += bytes;
  }

  /** The content of every tensor, in order. A part may be overwritten when the next one is asked for. */
  async *contents(): AsyncGenerator<{ name: string; content: AsyncGenerator<Uint8Array, void> }, void> {
    let place = 0;
    for (const { name, bytes } of this.#entries.slice()) {
      yield { name, content: this.#read(place, bytes) };
      place += bytes;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #append(part: Uint8Array, place: number): Promise<void> {
    try {
      let done = 0;
      while (done < part.length)
        done += (await this.#file.write(part, done, part.length - done, place + done)).bytesWritten;
    } catch (error) {
      throw AppError.from(error);
    }
  }

  async *#read(place: number, bytes: number): AsyncGenerator<Uint8Array, void> {
    const slab = new Uint8Array(Math.min(slabBytes, bytes));
    for (let done = 0; done < bytes;) {
      const { bytesRead } = await this.#file.read(slab, 0, Math.min(slab.length, bytes - done), place + done);
      if (bytesRead === 0) throw this.#notWhole();
      yield slab.subarray(0, bytesRead);
      done += bytesRead;
    }
  }

  async #check(signal: AbortSignal): Promise<void> {
    let place = 0;
    for (const { bytes, crc32: expected } of this.#entries) {
      let sum = 0;
      for await (const part of this.#read(place, bytes)) {
        signal.throwIfAborted();
        sum = crc32(part, sum);
      }
      if (sum !== expected) throw this.#notWhole();
      place += bytes;
    }
  }

  #notWhole(): AppError {
    return new AppError('FILE_MALFORMED', `${this.#path} is not what the checkpoint saw.`, { file: this.#path });
  }
}
