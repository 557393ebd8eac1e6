import { describe, expect, it } from 'vitest';
import { formatDuration, formatFileSize, formatMemory, parseSize } from '../../src-main/contract/units.ts';

describe('sizes', () => {
  it.each([
    ['24GB', 24e9],
    ['24GiB', 24 * 2 ** 30],
    ['22.5GiB', 22.5 * 2 ** 30],
    ['80MB', 80e6],
    ['123', 123],
    ['5 gb', 5e9],
    ['0', 0],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', 'GB', '24XB', '-1GB', '1e9', '24 G B', '99999999TB', 'NaN'])('refuses "%s"', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });

  it('never mixes powers of 1000 and of 1024', () => {
    expect(formatFileSize(24e9)).toBe('24.0 GB');
    expect(formatMemory(24 * 2 ** 30)).toBe('24.0 GiB');
    expect(formatFileSize(999)).toBe('999 B');
  });

  it('says durations in words', () => {
    expect([formatDuration(8.2), formatDuration(360), formatDuration(7500)]).toEqual(['8 s', '6 min', '2 h 5 min']);
  });
});
