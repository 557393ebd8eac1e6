// Timing of a model with a cache: what is run, and which numbers count.
import { afterEach, expect, test, vi } from 'vitest';
import { timeSession, type TimedSession } from '../../../src-main/core/generation/time-session.ts';

afterEach(() => vi.restoreAllMocks());

/** A session whose runs take the given seconds on a clock of its own. */
function sessionOf(secondsOfRound: readonly { prefill: number; step: number }[]) {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock * 1000);
  const runs: { ids: Int32Array; batch: number; hasLogits: boolean }[][] = [];
  const run = (hasLogits: boolean) => async (ids: Int32Array, batch: number) => {
    const seconds = secondsOfRound[runs.length - 1]!;
    clock += runs.at(-1)!.length === 0 ? seconds.prefill : seconds.step;
    runs.at(-1)!.push({ ids, batch, hasLogits });
  };
  const session: TimedSession = {
    ...{ vocabSize: 10, reset: () => void runs.push([]), read: run(false), advance: run(true) },
  };
  return { session, runs };
}

const request = { batch: 3, promptTokens: 5, decodeTokens: 2, seed: 1, signal: new AbortController().signal };

test('medians of the rounds behind the first, and how far one was from them', async () => {
  const { session, runs } = sessionOf([
    { prefill: 100, step: 100 },
    { prefill: 4, step: 1 },
    { prefill: 5, step: 1.5 },
    { prefill: 2, step: 1.25 },
  ]);
  const timing = await timeSession({ ...request, session });
  expect(timing).toEqual({ prefillSeconds: 4, decodeSeconds: 2.5, spread: 0.5 });
  expect(runs.map((round) => round.map(({ ids }) => ids.length))).toEqual(Array(4).fill([15, 3, 3]));
  // A prompt's logits are not handed out, as no one reads them.
  expect(runs.map((round) => round.map(({ hasLogits }) => hasLogits))).toEqual(Array(4).fill([false, true, true]));
  expect(runs.flat().every(({ ids, batch }) => batch === 3 && ids.every((id) => id >= 0 && id < 10))).toBe(true);
});

test('ends between two runs when it is told to', async () => {
  const { session, runs } = sessionOf(Array(4).fill({ prefill: 1, step: 1 }));
  const aborter = new AbortController();
  const onRun = (): void => {
    if (runs.at(-1)!.length === 2) aborter.abort(new Error('stop'));
  };
  await expect(timeSession({ ...request, session, signal: aborter.signal, onRun })).rejects.toThrow('stop');
  expect(runs).toHaveLength(1);
});
