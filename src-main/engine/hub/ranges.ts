// Which bytes of a file are there: sorted ranges that neither touch nor overlap.

/** First byte, and the one behind the last. */
export type ByteRange = readonly [start: number, end: number];

/** The ranges with one more. */
export function addRange(ranges: readonly ByteRange[], [start, end]: ByteRange): ByteRange[] {
  if (end <= start) return [...ranges];
  const before = ranges.filter((range) => range[1] < start);
  const after = ranges.filter((range) => range[0] > end);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const merged: ByteRange = [Math.min(start, touching[0]?.[0] ?? start), Math.max(end, touching.at(-1)?.[1] ?? end)];
  return [...before, merged, ...after];
}

/** What is missing of `size` bytes, in pieces of at most `longest`. */
export function missingRanges(ranges: readonly ByteRange[], size: number, longest: number): ByteRange[] {
  const missing: ByteRange[] = [];
  let position = 0;
  for (const [start, end] of [...ranges, [size, size] as const]) {
    for (; position < start; position += longest) missing.push([position, Math.min(start, position + longest)]);
    position = end;
  }
  return missing;
}

export const rangeBytes = (ranges: readonly ByteRange[]): number =>
  ranges.reduce((sum, [start, end]) => sum + end - start, 0);

/** Whether they are what they should be: read from a file, they may be anything. */
export function areRanges(ranges: readonly ByteRange[], size: number): boolean {
  return ranges.every(([start, end], index) => start >= (ranges[index - 1]?.[1] ?? 0) && end > start && end <= size);
}
