// Progress as a bar, as lines, as JSON, and not at all.
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src-main/contract/progress.ts';
import { progressDisplay, type ProgressMode } from '../../src-main/cli/progress-display.ts';
import { memoryStream, snug } from './run.ts';

const steps: [atMs: number, Progress][] = [
  [0, { stage: 'open', done: 0, total: 2 }],
  [400, { stage: 'open', done: 2, total: 2 }],
  [1000, { stage: 'calibrate', done: 0, total: 1000, unit: 'tokens' }],
  [
    3000,
    {
      stage: 'calibrate',
      done: 250,
      total: 1000,
      unit: 'tokens',
      perSecond: 1204.4,
      secondsLeft: 30,
      detail: 'window 1 of 4',
    },
  ],
  [7000, { stage: 'calibrate', done: 900, total: 1000, unit: 'tokens', perSecond: 1204.4, secondsLeft: 0.1 }],
  [9000, { stage: 'quantize', done: 0, total: 0, unit: 'bytes', perSecond: 2_500_000, detail: 'blk.0\x1b[2Jweight' }],
];

function shown(mode: ProgressMode, columns?: number, stories?: Record<string, string>): string {
  const stream = memoryStream(columns);
  let time = 0;
  const display = progressDisplay(stream, { mode, environment: { NO_COLOR: '1' }, stories, now: () => time });
  for (const [atMs, progress] of steps) {
    time = atMs;
    display.show(progress);
  }
  time = 10_000;
  display.end();
  return stream.text;
}

describe('progress', () => {
  it('is a line per stage and every five seconds', () => {
    expect(shown('line')).toMatchInlineSnapshot(`
      "open
      calibrate
      calibrate: 90%, 1,204 tokens/s, a moment left
      quantize: 2.50 MB/s, blk.0�[2Jweight
      "
    `);
  });

  it('is one bar on a terminal, which becomes a line when its stage ends', () => {
    expect(shown('bar', 70).replaceAll('\r\x1b[2K', '\n<clear>')).toMatchInlineSnapshot(`
      "
      <clear>open      ▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯   0%
      <clear>open      ▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮ 100%
      <clear>✓ open 1 s

      <clear>calibrate ▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯   0%
      <clear>calibrate ▮▮▮▮▮▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯  25%  1,204 tokens/s  30 s left  windo
      <clear>calibrate ▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▯▯  90%  1,204 tokens/s  a moment left
      <clear>✓ calibrate 8 s

      <clear>quantize  ▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯   0%  2.50 MB/s  blk.0�[2Jweight
      <clear>✓ quantize 1 s
      "
    `);
  });

  it('is one JSON object per report', () => {
    expect(
      shown('json')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(steps.map(([, progress]) => ({ progress })));
  });

  it('is nothing when not wanted', () => {
    expect(shown('none')).toBe('');
  });

  it('tells the stories of the stages', () => {
    expect(shown('line', undefined, { calibrate: 'Listening.' })).toContain('open\nListening.\ncalibrate\n');
  });

  it('is a bar on a terminal and lines in a pipe by itself, and as --progress says', async () => {
    const line = 'plan m.gguf --memory 1GB';
    expect((await snug(line, { terminal: 80 })).stderr).toContain('▮');
    expect((await snug(line)).stderr).toBe('open: 50%\n');
    expect((await snug(`${line} --progress line`, { terminal: 80 })).stderr).toBe('open: 50%\n');
    expect((await snug(`${line} --progress json`, { terminal: 80 })).stderr).toBe(
      '{"progress":{"stage":"open","done":1,"total":2}}\n',
    );
    expect((await snug(`${line} --progress none`, { terminal: 80 })).stderr).toBe('');
  });
});
