// Random access to bytes that may be far larger than memory: the port through which every format is read.
// Offsets and sizes are plain numbers: exact to 2^53, checked before use.
import { malformed } from '../../contract/errors.ts';

export interface ByteSource {
  /** What errors call it: a path, or a label. */
  readonly name: string;
  readonly size: number;
  /** `length` bytes from `offset`, in memory of their own. @throws FILE_MALFORMED when the range leaves the source */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Fills all of `target` from `offset`. @throws FILE_MALFORMED when the range leaves the source */
  readInto(target: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** Checks that `length` bytes from `offset` lie inside a source. @throws FILE_MALFORMED */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  const isInside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset <= size - length;
  if (!isInside) {
    throw malformed(name, `bytes ${offset} to ${offset + length}`, {
      expected: `a range within ${size} bytes`,
      actual: 'a range outside the file',
    });
  }
}

/** A source over bytes in memory; reads are copies. */
export function memorySource(name: string, content: Uint8Array): ByteSource {
  return {
    name,
    size: content.length,
    async read(offset, length) {
      checkRange(name, content.length, offset, length);
      // Not slice(): that of a Buffer shares its memory.
      return new Uint8Array(content.subarray(offset, offset + length));
    },
    async readInto(target, offset) {
      checkRange(name, content.length, offset, target.length);
      target.set(content.subarray(offset, offset + target.length));
    },
    async close() {},
  };
}
