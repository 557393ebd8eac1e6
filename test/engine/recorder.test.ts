// What is written of runs to a catalog on a disk that is full for a while.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { JobResult, JobSnapshot } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { JobQueue } from '../../src-main/engine/jobs/queue.ts';
import { leasedTurns } from '../../src-main/engine/jobs/turns.ts';
import { catalogRecorder } from '../../src-main/engine/recorder.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';

const size = 2;
const fill = (folder: string): void => {
  try {
    writeFileSync(path.join(folder, 'filler'), Buffer.alloc(size * 2 ** 20));
  } catch {
    // It is full now.
  }
};

const invariance = recipeSchema.parse({ verb: 'invariance', model: 'm.gguf' });
const result: JobResult = {
  verb: 'plan',
  value: { target: { kind: 'file', bytes: 1 }, verdict: '', best: null, plans: [], sliceRefusal: null, warnings: [] },
};
const snapshot = (id: string, state: 'queued' | 'paused' = 'queued'): JobSnapshot => ({
  ...{ id, recipe: invariance, created: '2026', job: { state } },
});

async function recorderOnDisk() {
  const { folder, grow } = smallDisk(size);
  const catalog = await Catalog.open(folder);
  onTestFinished(() => catalog.close());
  const recorder = catalogRecorder(catalog, {});
  return { catalog, recorder, fill: () => fill(folder), grow: () => grow(size + 2) };
}

describe.skipIf(!canMount)('a disk that is full for a while', () => {
  it('delays what is written of runs, in order, and an answer says so meanwhile', async () => {
    const { catalog, recorder, ...disk } = await recorderOnDisk();
    const stateOf = (id: string): string | undefined => catalog.experiments.get(id)?.state;
    recorder.added(snapshot('a'), null);
    disk.fill();
    expect(recorder.changed(snapshot('a', 'paused'))).toMatch(/disk is full\. It is written once that is possible/);
    recorder.added(snapshot('b'), null);
    expect(() => recorder.requeue('a')).toThrow(/disk is full/);
    expect([stateOf('a'), stateOf('b')]).toEqual(['queued', undefined]);
    disk.grow();
    await expect.poll(() => [stateOf('a'), stateOf('b')], { timeout: 3000 }).toEqual(['paused', 'queued']);
    expect(recorder.changed(snapshot('b', 'paused'))).toBeNull();
    expect(recorder.requeue('a')).toBe(true);
  });

  it('is tried a last time when the engine closes, and then not again', async () => {
    const { catalog, recorder, ...disk } = await recorderOnDisk();
    recorder.added(snapshot('a'), null);
    disk.fill();
    recorder.changed(snapshot('a', 'paused'));
    expect(await recorder.settle()).toBe(1);
    const update = vi.spyOn(catalog.experiments, 'update');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(update).not.toHaveBeenCalled();
    disk.grow();
    expect(await recorder.settle()).toBe(0);
    expect(catalog.experiments.get('a')?.state).toBe('paused');
  });

  it('costs runs their turns and, until there is room, their records, and their results say so', async () => {
    const { catalog, recorder, ...disk } = await recorderOnDisk();
    const turns = leasedTurns(catalog.leases, () => {});
    const queue = new JobQueue({
      recorder,
      turns,
      refuseEarly: () => Promise.resolve(),
      runRecipe() {
        disk.fill();
        return Promise.resolve(result);
      },
      emit: () => {},
    });
    const [first, second] = [queue.start(invariance), queue.start(invariance)];
    const warningsOf = (id: string): string[] => {
      const { job } = queue.get(id);
      return job.state === 'done' ? job.result.value.warnings : [];
    };
    const unkept = expect.stringMatching(/not kept in the history: .*full/) as string;
    const noTurn = expect.stringMatching(/turn of this run could not be written.*full/) as string;
    await expect.poll(() => warningsOf(second)).toEqual([noTurn, unkept]);
    expect(warningsOf(first)).toEqual([unkept]);
    disk.grow();
    const states = (): unknown[] => [first, second].map((id) => catalog.experiments.get(id)?.state);
    await expect.poll(states, { timeout: 3000 }).toEqual(['done', 'done']);
    await expect.poll(() => catalog.leases.get('cpu')).toBeNull();
  });
});
