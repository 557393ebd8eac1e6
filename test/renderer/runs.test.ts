// @vitest-environment node
// The Runs screen's arithmetic and its store: places, time left, the order of what waits, the log's lines.
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobSnapshot, JobState } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { logEntry } from '../../src-renderer/features/runs/log-words.ts';
import { lineOf, runLabel } from '../../src-renderer/features/runs/run-words.ts';
import { placeOf } from '../../src-renderer/features/runs/site-words.ts';
import { fitStages, stageSteps } from '../../src-renderer/features/runs/stage-steps.ts';
import { aboutTimeLeft, secondsLeftOf, timeLeft, timeLeftInStep } from '../../src-renderer/features/runs/time-left.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useJobsStore } from '../../src-renderer/stores/jobs-store.ts';
import { logScale, powerOfTen, zeroScale } from '../../src-renderer/ui/charts/scales.ts';
import { formatShare } from '../../src-renderer/words/numbers.ts';
import { speak } from '../../src-renderer/words/words.ts';
import { planFor } from '../support/plans.ts';
import { fakeEngine } from './fake-engine.ts';
import { fitResult } from './results.ts';

beforeEach(() => setActivePinia(createPinia()));
afterEach(() => speak('en'));

type Running = Extract<JobState, { state: 'running' }>;

describe('places of a model', () => {
  it('are named for people, from layer 1', () => {
    expect(
      ['embed', 'layer0.attn_out', 'layer3.mlpInput', 'layer2.out', 'headInput'].map((site) => placeOf(site).name),
    ).toEqual(['embedding', 'layer 1 · attention', 'layer 4 · MLP', 'layer 3 · block', 'output layer']);
    expect(placeOf('layer0.mlp_out')).toMatchObject({ layer: 0, isFirst: false });
    expect(placeOf('something new').name).toBe('something new');
    speak('de');
    expect(placeOf('layer0.attn_out').name).toBe('Schicht 1 · Attention');
  });
});

describe('the time left', () => {
  const likely = (seconds: number) => ({ low: 0, likely: seconds, high: seconds * 2 });
  const estimated = { open: likely(1), slice: likely(60), prove: likely(20) };
  const expected = Object.keys(estimated);
  const job = (part: Partial<Running>): Running => ({ state: 'running', progress: null, stages: [], ...part });
  const slicing = { stage: 'slice', done: 1, total: 4 };

  it('is what the stage says, and the stages to come', () => {
    const running = job({ progress: { ...slicing, secondsLeft: 30 }, stages: ['open', 'slice'] });
    expect(secondsLeftOf(running, expected, estimated)).toBe(50);
  });

  it('is what is left of the estimate where the stage does not say', () => {
    const series = { sites: [], memory: { everySeconds: 1, samples: [] }, seconds: { slice: 15 } };
    expect(secondsLeftOf(job({ progress: slicing, stages: ['open', 'slice'], series }), expected, estimated)).toBe(65);
  });

  it('is nothing where a stage to come has no estimate', () => {
    const running = job({ progress: { ...slicing, secondsLeft: 30 }, stages: ['slice'] });
    expect(secondsLeftOf(running, ['slice', 'evaluate'], estimated)).toBeNull();
    expect(secondsLeftOf(job({}), expected, estimated)).toBeNull();
  });

  it('is said as a number, and near the end as a moment', () => {
    expect([8, 0.4].map(timeLeft)).toEqual(['8 s left', 'a moment left']);
    expect([8, 0.4].map(aboutTimeLeft)).toEqual(['about 8 s left', 'a moment left']);
    expect(lineOf(job({ progress: { ...slicing, secondsLeft: 0 } }))).toBe('Slice · a moment left in this step');
    speak('de');
    expect(timeLeftInStep(0)).toBe('noch einen Moment in diesem Schritt');
  });
});

describe('the log', () => {
  const line = (event: string, facts: Record<string, unknown> = {}) =>
    logEntry({ time: '2026-01-01T10:00:00Z', event, facts });

  it('says what began and what ended it', () => {
    expect(line('start', { isResumed: true }).text).toBe('Started, taken up again');
    expect(line('stage', { stage: 'slice', detail: 'blk.0' }).text).toBe('Slice · blk.0');
    expect(line('failed', { error: { message: 'no room' } })).toMatchObject({
      text: 'Failed: no room',
      isWarning: true,
    });
    expect(line('done', { warnings: ['few tokens'] })).toMatchObject({ text: 'Done: few tokens', isWarning: true });
    expect(line('something').text).toBe('something');
  });
});

describe('stages', () => {
  it('stand in the order in which a run takes them, so that none changes its place', () => {
    // As of a fit that calibrates (test/engine/preflight.test.ts has the same order).
    const taken = ['open', 'plan', 'tokenize', 'calibrate', 'quantize', 'evaluate', 'prove'];
    const expected = fitStages.filter((name) => name !== 'slice');
    const rows = taken.map((current, at) =>
      stageSteps(taken.slice(0, at + 1), current, expected).map(({ name }) => name),
    );
    for (const row of rows) expect(row).toEqual(taken);
  });
});

describe('runs of one model', () => {
  const target = { kind: 'file', bytes: 5e6 } as const;
  const fit = recipeSchema.parse({ verb: 'fit', model: '/m.gguf', target, output: '/o.gguf', plan: 'q8_0' });
  const plans = [planFor('q8_0'), planFor('q4_0')];
  const list = { target, verdict: '', best: 'q4_0', plans, sliceRefusal: null, warnings: [] };
  const snapshot = (recipe: typeof fit, job: JobState) => ({ id: 'a', seq: 1, recipe, job }) as unknown as JobSnapshot;
  const planned = snapshot(recipeSchema.parse({ verb: 'plan', model: '/m.gguf', target }), {
    state: 'done',
    result: { verb: 'plan', value: list },
  } as unknown as JobState);

  it('are told apart by their plans, and one that has ended is not being made', () => {
    const running = snapshot(fit, { state: 'running', progress: null } as unknown as JobState);
    expect(runLabel(running, [planned])).toEqual({ title: 'Making m.gguf fit', plan: 'q8_0 mix' });
    const best = snapshot({ ...fit, plan: null } as typeof fit, running.job);
    expect(runLabel(best, [planned]).plan).toBe('q4_0 mix');
    const result = { verb: 'fit', value: { ...fitResult, plan: planFor('q5_0') } };
    const done = snapshot(fit, { state: 'done', result } as unknown as JobState);
    expect(runLabel(done, [])).toEqual({ title: 'Fit, m.gguf', plan: 'q5_0 mix' });
    expect(runLabel(running, [])).toEqual({ title: 'Making m.gguf fit', plan: '' });
  });
});

describe('what waits', () => {
  const recipe = { verb: 'invariance', model: 'm.gguf' } as const;

  it('stands in the order of its turns, is moved, and leaves when it starts', async () => {
    const moves: unknown[] = [];
    const engine = fakeEngine({
      'jobs.move': (params) => {
        moves.push(params);
        return {};
      },
    });
    await useEngineStore().start(engine.open);
    const jobs = useJobsStore();
    const [first, second, third] = [await jobs.start(recipe), await jobs.start(recipe), await jobs.start(recipe)];
    await jobs.start({ verb: 'plan', model: 'm', target: { kind: 'file', bytes: 1 } });
    engine.send(first, { type: 'started' });
    await vi.waitFor(() => expect(jobs.waiting.map(({ id }) => id)).toEqual([second, third]));
    await jobs.move(third, -1);
    await jobs.move(second, 1);
    expect(moves).toEqual([
      { id: third, before: second },
      { id: second, before: null },
    ]);
    engine.order([third, second]);
    await vi.waitFor(() => expect(jobs.waiting.map(({ id }) => id)).toEqual([third, second]));
    engine.send(third, { type: 'waiting', waitingFor: 'another Snug' });
    await vi.waitFor(() => expect(jobs.waiting.map(({ id }) => id)).toEqual([second]));
    engine.send(first, { type: 'paused' });
    engine.send(first, { type: 'resumed' });
    await vi.waitFor(() => expect(jobs.waiting.map(({ id }) => id)).toEqual([second, first]));
  });
});

describe('scales', () => {
  it('label powers of ten', () => {
    const { ticks, place } = logScale([1e-6, 1], [100, 0], 4);
    expect(ticks).toEqual([1e-6, 1e-4, 1e-2, 1]);
    expect(place(1)).toBe(0);
    expect(place(1e-9)).toBe(100);
    expect(ticks.map(powerOfTen)).toEqual(['10⁻⁶', '10⁻⁴', '10⁻²', '1']);
    expect(powerOfTen(0.1)).toBe('0.1');
  });

  it('start at nothing and end on a round number', () => {
    const { ticks, place } = zeroScale(0.0042, [100, 0], 3);
    expect(ticks[0]).toBe(0);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(0.004);
    expect(place(0)).toBe(100);
    expect(zeroScale(0, [100, 0], 3).place(0)).toBe(100);
  });

  it('shares have two figures', () => {
    expect([0, 0.123, 0.0421, 0.0042, 0.00004, 1e-7].map(formatShare)).toEqual([
      '0%',
      '12%',
      '4.2%',
      '0.42%',
      '0.004%',
      '<0.001%',
    ]);
  });
});
