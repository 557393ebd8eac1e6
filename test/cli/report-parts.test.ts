// The arithmetic of tables and bars.
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { memoryBar } from '../../src-main/cli/report/memory-bar.ts';
import { agreement, measured } from '../../src-main/cli/report/numbers.ts';
import { table } from '../../src-main/cli/report/table.ts';
import { plans } from './fake-results.ts';

describe('the memory bar', () => {
  const { memory } = plans[0]!;
  const GiB = 2 ** 30;

  it('ends at the limit where the plan fits', () => {
    expect(memoryBar({ ...memory, weightsBytes: 4 * GiB, totalBytes: 7.5 * GiB }, 10 * GiB, 20)).toBe(
      '████████▓▓▓▓▒░░·····│',
    );
  });

  it('shows what is over the limit', () => {
    expect(memoryBar({ ...memory, weightsBytes: 16.5 * GiB, totalBytes: 20 * GiB }, 10 * GiB, 20)).toBe(
      '██████████│███████▓▓░',
    );
  });

  it('stands a limit and a need of nothing', () => {
    const nothing = { ...memory, weightsBytes: 0, kvBytes: 0, buffersBytes: 0, reserveBytes: 0, totalBytes: 0 };
    expect(memoryBar(nothing, 0, 4)).toBe('│');
  });
});

describe('words and tables', () => {
  it.each([
    [0.934, '93 times in 100'],
    [0.996, '996 times in 1,000'],
    [0.99996, 'nearly every time'],
    [1, 'every time'],
    [0, '0 times in 100'],
  ])('agreement of %f', (share, words) => {
    expect(agreement(share)).toBe(`picks the same next word as the original ${words}`);
  });

  it.each([
    [61.63, 1.52, '61.6 ± 1.5'],
    [451.3, 28.4, '451 ± 28'],
    [0.0018134, 0.0000496, '0.001813 ± 0.000050'],
    [0.5, 0, '0.5000 ± 0.0000'],
  ])('%f ± %f', (value, error, words) => {
    expect(measured(value, error)).toBe(words);
  });

  it('aligns columns by what is seen, not by colours', () => {
    const rows = table(
      [{ title: 'a' }, { title: 'n', align: 'right' }],
      [
        ['\x1b[1mbold\x1b[22m', '1'],
        ['x', '1,000'],
      ],
      null,
    );
    expect(rows.map(stripVTControlCharacters)).toEqual(['a         n', 'bold      1', 'x     1,000']);
  });
});
