// A run's log as the window reads it: the end of a long one, whole lines only, nothing outside of the runs' folder.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runId } from '../../src-main/contract/job-log.ts';
import { openJobLog } from '../../src-main/engine/jobs/job-log.ts';
import { readJobLog } from '../../src-main/engine/jobs/read-job-log.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-log-'));
});
afterEach(() => rmSync(home, { recursive: true }));

describe('the log of a run', () => {
  it('is read as it was written, without a line that is being written', async () => {
    const file = path.join(home, 'jobs/run1/log.jsonl');
    const log = openJobLog(file);
    log.write('start', { isResumed: false });
    log.reporting(() => {})({ stage: 'slice', detail: 'blk.0', done: 0, total: 1 });
    appendFileSync(file, '{"time":"2026-01-01T00:00:00Z","ev');
    const read = await readJobLog(home, 'run1');
    expect(read.file).toBe(file);
    expect(read.lines.map(({ event, facts }) => ({ event, facts }))).toEqual([
      { event: 'start', facts: { isResumed: false } },
      { event: 'stage', facts: { stage: 'slice', detail: 'blk.0' } },
    ]);
  });

  it('is the end of a long one', async () => {
    mkdirSync(path.join(home, 'jobs/long'), { recursive: true });
    const lines = Array.from({ length: 20_000 }, (_, count) => JSON.stringify({ time: 't', event: 'stage', count }));
    writeFileSync(path.join(home, 'jobs/long/log.jsonl'), `${lines.join('\n')}\n`);
    const read = await readJobLog(home, 'long');
    expect(read.lines).toHaveLength(500);
    expect(read.lines.at(-1)?.facts).toEqual({ count: 19_999 });
  });

  it('is nothing where there is none', async () => {
    expect(await readJobLog(home, 'gone')).toEqual({ file: null, lines: [] });
  });

  it('has a name that leads nowhere else', () => {
    for (const id of ['../run1', 'a/b', 'a\\b', '..', '', 'C:']) expect(runId.safeParse(id).success, id).toBe(false);
    expect(runId.safeParse('0123456789ab').success).toBe(true);
  });
});
