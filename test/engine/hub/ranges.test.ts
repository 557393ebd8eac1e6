// Ranges of bytes against a plain set of bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addRange, areRanges, missingRanges, rangeBytes, type ByteRange } from '../../../src-main/engine/hub/ranges.ts';

const size = 60;
const range = fc.tuple(fc.nat(size), fc.nat(size)).map(([a, b]): ByteRange => [Math.min(a, b), Math.max(a, b)]);
const bytesOf = (ranges: readonly ByteRange[]): Set<number> =>
  new Set(ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index)));

describe('ranges', () => {
  it('hold the bytes that were added, sorted and apart', () => {
    fc.assert(
      fc.property(fc.array(range), (added) => {
        const ranges = added.reduce<ByteRange[]>((sum, one) => addRange(sum, one), []);
        expect(bytesOf(ranges)).toEqual(bytesOf(added));
        expect(rangeBytes(ranges)).toBe(bytesOf(added).size);
        expect(areRanges(ranges, size)).toBe(true);
        ranges.forEach(([start], index) => expect(start).toBeGreaterThan(ranges[index - 1]?.[1] ?? -1));
      }),
    );
  });

  it('miss the others, in pieces that are not too long', () => {
    fc.assert(
      fc.property(fc.array(range), fc.integer({ min: 1, max: 20 }), (added, longest) => {
        const ranges = added.reduce<ByteRange[]>((sum, one) => addRange(sum, one), []);
        const missing = missingRanges(ranges, size, longest);
        expect(missing.every(([start, end]) => end > start && end - start <= longest)).toBe(true);
        expect(rangeBytes(missing)).toBe(size - rangeBytes(ranges));
        const present = bytesOf(ranges);
        expect([...bytesOf(missing)].filter((byte) => present.has(byte))).toEqual([]);
      }),
    );
  });

  it.each([
    [[[5, 3]]],
    [[[0, 61]]],
    [
      [
        [0, 10],
        [5, 20],
      ],
    ],
    [
      [
        [10, 20],
        [0, 5],
      ],
    ],
  ])('that are none: %j', (ranges) => {
    expect(areRanges(ranges as unknown as ByteRange[], size)).toBe(false);
  });
});
