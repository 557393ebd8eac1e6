// Reads little-endian fields in order from the first bytes of a file, the window. Lengths come from the file and
// are not to be trusted: each is held against the bytes that the file has left before anything is allocated.
import { malformed } from '../../contract/errors.ts';

/** The window ends before a field does, though the file goes on: read at least `needed` bytes and parse again. */
export class WindowTooSmall extends Error {
  readonly needed: number;

  constructor(needed: number) {
    super(`the window has to hold ${needed} bytes`);
    this.needed = needed;
  }
}

export class ByteCursor {
  readonly file: string;
  readonly fileBytes: number;
  readonly window: Uint8Array;
  readonly view: DataView;
  position = 0;
  /** What is being read, for errors: `key general.name`, `tensor 5`. */
  where = 'header';
  /** Goes into the details of errors: the key or the tensor. */
  subject: Record<string, unknown> = {};

  constructor(file: string, window: Uint8Array, fileBytes: number) {
    this.file = file;
    this.window = window;
    this.fileBytes = fileBytes;
    this.view = new DataView(window.buffer, window.byteOffset, window.byteLength);
  }

  /** Says what the next fields belong to. */
  enter(where: string, subject: Record<string, unknown> = {}): void {
    this.where = where;
    this.subject = subject;
  }

  fail(expected: string, actual: string): never {
    throw malformed(this.file, this.where, { expected, actual, ...this.subject });
  }

  get bytesLeft(): number {
    return this.fileBytes - this.position;
  }

  /** Makes sure that the next `length` bytes are in the window. */
  need(length: number): void {
    if (length > this.bytesLeft) {
      this.fail(`${length} bytes at byte ${this.position}`, `${this.bytesLeft} bytes to the end of the file`);
    }
    if (this.position + length > this.window.length) throw new WindowTooSmall(this.position + length);
  }

  /** Moves past `length` bytes and returns where they began. */
  #advance(length: number): number {
    this.need(length);
    const start = this.position;
    this.position += length;
    return start;
  }

  uint32(): number {
    return this.view.getUint32(this.#advance(4), true);
  }

  /** A uint64 that counts `itemBytes` or more bytes each, all of which have to follow in the file. */
  count(of: string, itemBytes: number): number {
    const count = this.#uint64();
    if (count > this.bytesLeft / itemBytes) {
      this.fail(`a number of ${of} that fits the ${this.bytesLeft} bytes left`, this.#lastUint64());
    }
    return count;
  }

  /** A uint64 below 2^53. */
  uint64(of: string): number {
    const value = this.#uint64();
    if (!Number.isSafeInteger(value)) this.fail(`${of} below 2^53`, this.#lastUint64());
    return value;
  }

  /** Exact below 2^53, and at or above it otherwise. Two halves: a BigInt each would triple the time of a vocabulary. */
  #uint64(): number {
    const start = this.#advance(8);
    return this.view.getUint32(start + 4, true) * 2 ** 32 + this.view.getUint32(start, true);
  }

  /** The number just read, exactly. */
  #lastUint64(): string {
    return String(this.view.getBigUint64(this.position - 8, true));
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** The next `length` bytes, as a view of the window. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.window.subarray(start, start + length);
  }
}
