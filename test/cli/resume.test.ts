// snug resume without ID: what it takes up by itself, and what it lists.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JobState } from '../../src-main/contract/job.ts';
import type { UnfinishedList } from '../../src-main/contract/history.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { resume } from '../../src-main/cli/verbs/resume.ts';
import type { Session } from '../../src-main/cli/verb.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { temporaryFolder } from '../support/engine.ts';
import { snug } from '../support/killing.ts';

const error = { code: 'DISK_FULL' as const, message: 'The disk is full.\nNeeded: 3 GB.', details: {} };
const ends: Record<string, JobState> = {
  failed: { state: 'failed', error },
  stopped: { state: 'paused' },
  cancelled: { state: 'cancelled' },
  another: { state: 'paused' },
};

/** The user data of runs that ended so. */
async function homeWith(names: readonly string[]): Promise<string> {
  const home = temporaryFolder();
  const catalog = await Catalog.open(home);
  onTestFinished(() => catalog.close());
  const recipe = recipeSchema.parse({ verb: 'calibrate', model: '/m.gguf', output: '/o.gguf' });
  for (const [index, id] of names.entries()) {
    const created = `2026-01-01T00:00:0${index}.000Z`;
    catalog.experiments.add({ id, recipe, created, versions: {}, clonedFrom: null }, thisProcess);
    catalog.experiments.update(id, ends[id]!);
  }
  return home;
}

async function listed(names: readonly string[]): Promise<UnfinishedList> {
  const { code, stdout, stderr } = await snug(await homeWith(names), ['resume']).ended;
  expect(code, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as UnfinishedList;
}

/** What people are told of it. */
async function textOf(list: UnfinishedList): Promise<string> {
  const call = { 'history.unfinished': async () => list };
  const session = { engine: () => ({ call }) } as unknown as Session;
  const { text } = await resume.run('', {}, session, { kind: '', words: [] });
  const plain = (line: string): string => line;
  const style = { strong: plain, quiet: plain, good: plain, bad: plain, careful: plain } as never;
  return text({ style, width: null }).join('\n');
}

describe('snug resume', () => {
  it('lists what failed or was cancelled behind what was stopped, with the error', async () => {
    const list = await listed(Object.keys(ends));
    expect(list.experiments.map(({ run, state, failure }) => [run, state, failure])).toEqual([
      ['another', 'paused', null],
      ['stopped', 'paused', null],
      ['cancelled', 'cancelled', null],
      ['failed', 'failed', 'DISK_FULL: The disk is full.'],
    ]);
    const text = await textOf(list);
    expect(text).toMatch(
      /Several runs[\s\S]*stopped[\s\S]*Cancelled or failed[\s\S]*failed: DISK_FULL: The disk is full\.$/,
    );
  });

  it('takes up nothing that the user cancelled, and says what can be', async () => {
    const list = await listed(['cancelled']);
    expect(list).toMatchObject({ total: 1, experiments: [{ run: 'cancelled' }] });
    expect(await textOf(list)).toMatch(/^Nothing to go on with[\s\S]*cancelled/);
  });

  it('takes up the only one that was stopped, whatever else there is', async () => {
    const { stdout } = await snug(await homeWith(['failed', 'stopped', 'cancelled']), ['resume']).ended;
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'FILE_NOT_FOUND' } }); // of its model
  });
});
