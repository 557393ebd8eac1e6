// What a job tells on its way, as the reducer keeps it: complete, in order, bounded.
import { describe, expect, it } from 'vitest';
import { mostSamples } from '../../src-main/contract/job-series.ts';
import { reduceJob, type JobState } from '../../src-main/contract/job.ts';
import { mergeProgress, type Progress } from '../../src-main/contract/progress.ts';

const step = (stage: string, more: Partial<Progress> = {}): Progress => ({ stage, done: 1, total: 2, ...more });

function after(messages: readonly Progress[]): Extract<JobState, { state: 'running' }> {
  const begun = reduceJob({ state: 'queued' }, { type: 'started' });
  const job = messages.reduce<JobState>((state, progress) => reduceJob(state, { type: 'progressed', progress }), begun);
  if (job.state !== 'running') throw new Error(job.state);
  return job;
}

describe('the series of a job', () => {
  it('keeps every site once, in order, with all that was told of it', () => {
    const job = after([
      step('calibrate', { sites: [{ name: 'embed', spectrum: [[1, 0.9]] }, { name: 'layer0.attn_out' }] }),
      step('slice', { sites: [{ name: 'embed', width: 6, energyLost: 0.1 }] }),
      step('slice'),
    ]);
    expect(job.series?.sites).toEqual([
      { name: 'embed', spectrum: [[1, 0.9]], width: 6, energyLost: 0.1 },
      { name: 'layer0.attn_out' },
    ]);
    expect(job.progress).toEqual(step('slice'));
  });

  it('gives each stage the time until the next message', () => {
    const job = after([
      step('open', { elapsedSeconds: 1 }),
      step('slice', { elapsedSeconds: 3 }),
      step('slice', { elapsedSeconds: 7 }),
      step('open', { elapsedSeconds: 8 }),
    ]);
    expect(job.series?.seconds).toEqual({ open: 3, slice: 5 });
  });

  it('keeps the highest memory of every interval, over the whole run, in bounded room', () => {
    const messages = Array.from({ length: 5000 }, (_, index) =>
      step('slice', { elapsedSeconds: index / 10, memoryBytes: index === 1234 ? 9e9 : 1e9 + index }),
    );
    const { samples, everySeconds } = after(messages).series!.memory;
    expect(samples.length).toBeLessThanOrEqual(mostSamples);
    expect(samples.length).toBeGreaterThan(mostSamples / 3);
    expect(samples[0]![0]).toBe(0);
    expect(samples.at(-1)![0]).toBeGreaterThan(500 - 2 * everySeconds);
    expect(Math.max(...samples.map(([, bytes]) => bytes))).toBe(9e9);
    const gaps = samples.slice(1).map(([seconds], index) => seconds - samples[index]![0]);
    expect(Math.max(...gaps)).toBeLessThan(2.5 * everySeconds);
  });

  it('leaves out sites beyond what a snapshot can carry', () => {
    const sites = Array.from({ length: 2000 }, (_, index) => ({ name: `layer${index}.out` }));
    expect(after([step('slice', { sites })]).series?.sites).toHaveLength(512);
  });

  it('keeps the rows of a study beside everything else, in order', () => {
    const row = {
      value: 32,
      samples: 32,
      tokens: 64,
      energyLost: 0.1,
      sparsity: 0.25,
      parametersAfter: 5,
      fileBytes: 9,
    };
    const figures = {
      perplexity: 5,
      perplexityStandardError: 1,
      perplexityRatio: 1,
      perplexityRatioStandardError: 0.1,
    };
    const losses = { kld: 0.1, kldStandardError: 0.01, topOneAgreement: 0.9, seconds: 1, finished: '2026-01-01' };
    const told = [32, 128].map((value) => ({ ...row, ...figures, ...losses, value }));
    const running = told.reduce<JobState>(
      (state, one) => reduceJob(state, { type: 'measured', row: one }),
      after([step('slice', { sites: [{ name: 'embed' }] })]),
    );
    expect(running).toMatchObject({ progress: step('slice'), series: { sites: [{ name: 'embed' }], rows: told } });
    const later = reduceJob(running, { type: 'progressed', progress: step('row') });
    expect(later).toMatchObject({ progress: step('row'), series: { rows: told } });
    expect(reduceJob(later, { type: 'paused' })).toMatchObject({ series: { rows: told } });
  });

  it('stays with a job that is paused, and begins anew when it is taken up', () => {
    const running = after([step('slice', { sites: [{ name: 'embed' }] })]);
    const paused = reduceJob(running, { type: 'paused' });
    expect(paused).toEqual({ state: 'paused', series: running.series });
    const queued = reduceJob(paused, { type: 'resumed' });
    expect(reduceJob(queued, { type: 'started' })).toEqual({ state: 'running', progress: null, stages: [] });
  });
});

describe('messages that are told less often', () => {
  it('lose no site', () => {
    const waiting = step('slice', { sites: [{ name: 'a' }] });
    expect(mergeProgress(waiting, step('slice', { done: 2 }))).toEqual(
      step('slice', { done: 2, sites: [{ name: 'a' }] }),
    );
    const next = step('slice', { sites: [{ name: 'b' }] });
    expect(mergeProgress(waiting, next).sites).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(mergeProgress(step('open'), next)).toBe(next);
  });
});
