import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { reduceJob, type JobState } from '../../src-main/contract/job.ts';
import { version } from '../../src-main/contract/version.ts';
import { root } from '../support/paths.ts';

const progress = (stage: string) => ({ type: 'progressed' as const, progress: { stage, done: 1, total: 2 } });

describe('job state', () => {
  it('keeps the stages in the order in which they came', () => {
    let job: JobState = { state: 'queued' };
    for (const event of [{ type: 'started' as const }, progress('open'), progress('plan'), progress('open')])
      job = reduceJob(job, event);
    expect(job).toMatchObject({ state: 'running', stages: ['open', 'plan'], progress: { stage: 'open' } });
  });

  it('ignores what comes after the end', () => {
    const ended: JobState = { state: 'cancelled' };
    expect(reduceJob(ended, progress('open'))).toBe(ended);
  });
});

describe('version', () => {
  it('is that of package.json', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(version).toBe(manifest.version);
  });
});
