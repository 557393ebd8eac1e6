// Walks a message of protocol buffers (protobuf.dev/programming-guides/encoding) in a file that may be larger than memory:
// where its fields lie, not what is in them. Lengths come from the file and are held against the message around them.
import { malformed } from '../../contract/errors.ts';
import type { ByteSource } from './byte-source.ts';

/** A message, or the content of a field: bytes [start, end) of the file. */
export interface ByteRange {
  start: number;
  end: number;
}

/** `value`: of an integer below 2^53; NaN of other wire types. `content`: null of an integer. */
export interface RangedField {
  number: number;
  value: number;
  content: ByteRange | null;
}

/** Bytes of one read: fields are skipped without reading them. */
const windowBytes = 4096;
const wireVarint = 0;
const wireBytes = 2;
/** Bytes of the wire types of one size. */
const fixedBytes: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** Fields of one message in their order. @throws FILE_MALFORMED */
export async function* protobufRanges(source: ByteSource, { start, end }: ByteRange): AsyncGenerator<RangedField> {
  let position = start;
  let window: Uint8Array = new Uint8Array();
  let windowStart = start;

  const fail = (expected: string, actual: string): never => {
    throw malformed(source.name, `byte ${position}`, { expected, actual });
  };

  async function varint(): Promise<number> {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      if (position >= end) fail('more of a number', 'the end of its message');
      if (position < windowStart || position >= windowStart + window.length) {
        windowStart = position;
        window = await source.read(position, Math.min(windowBytes, end - position));
      }
      const byte = window[position - windowStart]!;
      position += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : fail('a number below 2^53', String(value));
    }
    return fail('a number below 2^53', 'a longer one');
  }

  while (position < end) {
    const key = await varint();
    const [number, wire] = [Math.floor(key / 8), key % 8];
    if (number < 1) fail('a field number from 1', String(number));
    if (wire === wireVarint) {
      yield { number, value: await varint(), content: null };
      continue;
    }
    const length = wire === wireBytes ? await varint() : fixedBytes[wire];
    if (length === undefined) return fail('a wire type of 0, 1, 2 or 5', String(wire));
    if (length > end - position)
      fail(`${length} bytes of a field`, `${end - position} bytes to the end of its message`);
    const content = { start: position, end: position + length };
    position = content.end;
    yield { number, value: Number.NaN, content };
  }
}
