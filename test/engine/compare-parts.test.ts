// Comparisons in parts: how windows are cut, what a second attempt takes over, progress of the whole.
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src-main/contract/progress.ts';
import type { JobContext } from '../../src-main/engine/jobs/context.ts';
import { compareInParts, type Compared } from '../../src-main/engine/stages/compare-parts.ts';
import { temporaryFolder } from '../support/engine.ts';

const length = 2048;
const windowsOf = (count: number): Int32Array[] =>
  Array.from({ length: count }, (_, index) => new Int32Array(length).fill(index));

/** One attempt at a job: what checkpoints need of its context. */
const attempt = (checkpoints: string): JobContext =>
  ({ checkpoints, threads: 1, warnings: [], device: 'cpu', seconds: {}, peakMemoryBytes: 0 }) as unknown as JobContext;

/** Figures that tell the window and the place in it; odd windows have no reference. */
function compared(windows: Int32Array[]): Compared {
  const made = windows.map((window) => {
    const nll = Float32Array.from(window, (id, index) => id + index / length + 1 / 3);
    const isAlone = window[0]! % 2 === 1;
    return {
      candidateNll: nll,
      referenceNll: isAlone ? null : nll.map((value) => value / 7),
      kld: isAlone ? null : nll.map((value) => -value * 1e-30),
      sameTop: isAlone ? null : Uint8Array.from(window, (id) => id % 3),
    };
  });
  return { windows: made, seconds: windows.length, referenceSeconds: 0.5, device: 'cpu' };
}

describe('a comparison', () => {
  it('of few windows is one, with nothing kept', async () => {
    const seen: string[] = [];
    const windows = windowsOf(32);
    const found = await compareInParts(
      attempt('/nowhere'),
      { windows, inputs: {}, report: () => {} },
      (part, _report, suffix) => {
        seen.push(`${part.length}${suffix}`);
        return Promise.resolve(compared(part));
      },
    );
    expect([seen, found]).toEqual([['32'], compared(windows)]);
  });

  it('of many goes on at the part that is missing, and is the same in the end', async () => {
    const folder = temporaryFolder();
    const windows = windowsOf(100);
    const run = async (inputs: object, failAt: number | null): Promise<{ parts: string[]; found: Compared | null }> => {
      const parts: string[] = [];
      const compare = (part: Int32Array[], _report: unknown, suffix: string): Promise<Compared> => {
        if (parts.length === failAt) throw new Error('killed');
        parts.push(`${part.length}${suffix}`);
        return Promise.resolve(compared(part));
      };
      const found = await compareInParts(attempt(folder), { windows, inputs, report: () => {} }, compare).catch(
        () => null,
      );
      return { parts, found };
    };
    expect(await run({ model: 'a' }, 2)).toEqual({ parts: ['32-0', '32-1'], found: null });
    const taken = await run({ model: 'a' }, null);
    expect(taken.parts).toEqual(['32-2', '4-3']);
    expect(taken.found).toEqual({ ...compared(windows), referenceSeconds: 2 });
    // Nothing of other inputs.
    expect((await run({ model: 'b' }, null)).parts).toHaveLength(4);
  });

  it('tells the progress of all parts', async () => {
    const told: Progress[] = [];
    const windows = windowsOf(64);
    await compareInParts(
      attempt(temporaryFolder()),
      { windows, inputs: {}, report: (progress) => told.push(progress) },
      (part, report) => {
        report({ stage: 'evaluate', done: 5, total: 10, unit: 'tokens', perSecond: 2, secondsLeft: 2.5 });
        return Promise.resolve(compared(part));
      },
    );
    expect(told).toEqual([
      { stage: 'evaluate', done: 5, total: 20, unit: 'tokens', perSecond: 2, secondsLeft: 7.5 },
      { stage: 'evaluate', done: 15, total: 20, unit: 'tokens', perSecond: 2, secondsLeft: 2.5 },
    ]);
  });
});
