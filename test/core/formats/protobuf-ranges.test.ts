// The walker over protocol buffers in files: the fields that the reader in memory finds, and its refusals.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { protobufRanges } from '../../../src-main/core/formats/protobuf-ranges.ts';
import { ProtobufWriter } from '../../../src-main/core/graph/protobuf-writer.ts';
import { protobufFields } from '../../../src-main/core/tokens/protobuf-reader.ts';
import { failureOf } from './temporary-folder.ts';

async function walked(bytes: Uint8Array, start = 0, end = bytes.length) {
  const found = [];
  for await (const { number, value, content } of protobufRanges(memorySource('m', bytes), { start, end })) {
    found.push({ number, value: content ? bytes.slice(content.start, content.end) : value });
  }
  return found;
}

const field = fc.oneof(
  fc.record({ number: fc.integer({ min: 1, max: 5000 }), integer: fc.nat({ max: Number.MAX_SAFE_INTEGER }) }),
  // Longer than a window of reading.
  fc.record({ number: fc.integer({ min: 1, max: 5000 }), bytes: fc.uint8Array({ maxLength: 9000 }) }),
);

test('finds what the reader in memory finds, also inside a larger file', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(field), async (fields) => {
      const writer = new ProtobufWriter();
      for (const one of fields) {
        if ('integer' in one) writer.integer(one.number, one.integer);
        else writer.bytes(one.number, one.bytes);
      }
      const bytes = writer.finish();
      const expected = [...protobufFields(bytes, 'm')].map(({ number, value }) => ({
        number,
        value: typeof value === 'number' ? value : Uint8Array.from(value),
      }));
      expect(await walked(bytes)).toEqual(expected);
      const inside = Uint8Array.of(255, 255, ...bytes, 255);
      expect(await walked(inside, 2, 2 + bytes.length)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('skips fields of fixed size', async () => {
  const bytes = Uint8Array.of(...new ProtobufWriter().float(3, 1).finish(), (4 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8);
  expect((await walked(bytes)).map(({ number }) => number)).toEqual([3, 4]);
});

test.each([
  ['a cut number', [0x08, 0x80], /more of a number/],
  ['a number that has no end', [0x08, ...Array.from({ length: 11 }, () => 0xff)], /below 2\^53/],
  ['a length beyond the end', [0x0a, 5, 1], /5 bytes of a field, found 1 bytes/],
  ['a group', [0x0b], /wire type/],
  ['field 0', [0x00, 1], /field number from 1/],
])('refuses %s', async (_, bytes, message) => {
  const failure = await failureOf(walked(Uint8Array.from(bytes)));
  expect(failure.code).toBe('FILE_MALFORMED');
  expect(failure.message).toMatch(message);
});
