// The line before a job.
import { describe, expect, it } from 'vitest';
import type { Preflight } from '../../src-main/contract/preflight.ts';
import { preflightLines } from '../../src-main/cli/report/preflight.ts';

const told: Preflight = {
  seconds: { low: 120, likely: 180, high: 360 },
  stages: {},
  peakMemoryBytes: 1.2 * 2 ** 30,
  disks: [{ place: '/a', neededBytes: 4_400_000, freeBytes: null }],
  problems: [],
  warnings: [],
};
const problem = { kind: 'memory' as const, neededBytes: 2, availableBytes: 1 };

describe('the line before a job', () => {
  it('has time with its range, memory and disk', () => {
    expect(preflightLines(told)).toEqual(['About 3 min (2 to 6), at most 1.20 GiB of memory, 4.40 MB on the disk.']);
  });

  it('names both units where they differ, and both disks', () => {
    const seconds = { low: 20, likely: 40, high: 6000 };
    const disks = [
      ...told.disks,
      { place: '/b', neededBytes: 1e9, freeBytes: 1 },
      { place: '/c', neededBytes: 0, freeBytes: 1 },
    ];
    expect(preflightLines({ ...told, seconds, disks })).toEqual([
      'About 40 s (20 s to 1 h 40 min), at most 1.20 GiB of memory, 4.40 MB and 1.00 GB on the disks.',
    ]);
  });

  it('is left away for a short job and an unknown one, warnings are not', () => {
    const problems = [
      { ...problem, message: 'Little memory.', refuses: false },
      { ...problem, message: 'None at all.', refuses: true },
    ];
    const short = { low: 4, likely: 10, high: 20 };
    expect(preflightLines({ ...told, seconds: short, problems, warnings: ['An old commit.'] })).toEqual([
      ...['Little memory.', 'An old commit.'],
    ]);
    expect(preflightLines({ ...told, seconds: null })).toEqual([]);
  });
});
