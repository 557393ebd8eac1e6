// Turns of a queue with a real catalog, which a second living engine shares: order, and what cannot be written.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { JobResult } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { openDatabase } from '../../src-main/engine/catalog/database.ts';
import { Engines } from '../../src-main/engine/catalog/engines.ts';
import { Leases } from '../../src-main/engine/catalog/leases.ts';
import { JobQueue } from '../../src-main/engine/jobs/queue.ts';
import { leasedTurns, soleTurns } from '../../src-main/engine/jobs/turns.ts';
import { catalogRecorder } from '../../src-main/engine/recorder.ts';
import { temporaryFolder } from '../support/engine.ts';

const invariance = recipeSchema.parse({ verb: 'invariance', model: 'm.gguf' });
const result: JobResult = {
  verb: 'plan',
  value: { target: { kind: 'file', bytes: 1 }, verdict: '', best: null, plans: [], sliceRefusal: null, warnings: [] },
};
/** A process that lives as long as this one: the engine of another Snug. */
const neighbour = { pid: process.ppid, startTime: null };

async function queueOn(home = temporaryFolder()) {
  const catalog = await Catalog.open(home);
  onTestFinished(() => catalog.close());
  const finish = new Map<string, () => void>();
  const begun: string[] = [];
  const queue = new JobQueue({
    recorder: catalogRecorder(catalog, {}),
    turns: leasedTurns(catalog.leases, () => {}),
    refuseEarly: () => Promise.resolve(),
    runRecipe: ({ run, signal }) =>
      new Promise((resolve, reject) => {
        begun.push(run);
        finish.set(run, () => resolve(result));
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    emit: () => {},
  });
  /** What the other engine waits for with its run; null where it may begin. */
  const neighbourWaitsFor = (run: string): string | null =>
    catalog.leases.take('cpu', run, neighbour)?.experiment ?? null;
  return { catalog, queue, begun, finish, neighbourWaitsFor };
}

const waitingAt = (catalog: Catalog, id: string): void =>
  catalog.experiments.add({ id, recipe: invariance, created: '2026', versions: {}, clonedFrom: null }, neighbour);

const soon = { timeout: 3000, interval: 20 };

describe('turns', () => {
  it('come to a run that was paused while it waited and taken up again', async () => {
    const { queue, begun, finish } = await queueOn();
    const first = queue.start(invariance);
    const paused = queue.start(invariance);
    await queue.pause(paused);
    const third = queue.start(invariance);
    queue.resume(paused);
    for (const [index, run] of [first, third, paused].entries()) {
      await expect.poll(() => begun, soon).toHaveLength(index + 1);
      expect(begun[index]).toBe(run);
      finish.get(run)!();
    }
  });

  it('have one order over two engines, after a resume too', async () => {
    const { catalog, queue, begun, finish, neighbourWaitsFor } = await queueOn();
    const first = queue.start(invariance);
    const paused = queue.start(invariance);
    await queue.pause(paused);
    waitingAt(catalog, 'other');
    const third = queue.start(invariance);
    queue.resume(paused);
    await expect.poll(() => begun, soon).toEqual([first]);
    expect(neighbourWaitsFor('other')).toBe(first);
    finish.get(first)!();
    await expect.poll(() => neighbourWaitsFor('other'), soon).toBeNull();
    await expect.poll(() => queue.get(third).job, soon).toMatchObject({ waitingFor: expect.stringContaining('other') });
    catalog.experiments.update('other', { state: 'cancelled' });
    catalog.leases.release('cpu', 'other');
    await expect.poll(() => begun, soon).toEqual([first, third]);
    finish.get(third)!();
    await expect.poll(() => begun, soon).toEqual([first, third, paused]);
  });

  it('come in the order in which runs were moved, before and behind those of another engine', async () => {
    const { catalog, queue, begun, finish, neighbourWaitsFor } = await queueOn();
    const first = queue.start(invariance);
    const second = queue.start(invariance);
    waitingAt(catalog, 'other');
    const third = queue.start(invariance);
    await expect.poll(() => begun, soon).toEqual([first]);
    queue.move(third, second);
    queue.move(second, null);
    finish.get(first)!();
    await expect.poll(() => begun, soon).toEqual([first, third]);
    finish.get(third)!();
    await expect
      .poll(() => queue.get(second).job, soon)
      .toMatchObject({ waitingFor: expect.stringContaining('other') });
    expect(neighbourWaitsFor('other')).toBeNull();
    catalog.experiments.update('other', { state: 'cancelled' });
    catalog.leases.release('cpu', 'other');
    await expect.poll(() => begun, soon).toEqual([first, third, second]);
  });

  it('are not kept from a run by a lease that its own engine could not give back', async () => {
    const { catalog, queue, begun } = await queueOn();
    expect(catalog.leases.take('cpu', 'left', thisProcess)).toBeNull();
    const run = queue.start(invariance);
    await expect.poll(() => begun, soon).toEqual([run]);
    expect(catalog.leases.get('cpu')).toMatchObject({ experiment: run });
  });
});

/** Turns on a catalog that can be made one that only reads, as on a disk that is mounted so: SQLite refuses every write. */
async function fickleTurns() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { database } = await openDatabase(temporaryFolder());
  onTestFinished(() => void database.close());
  const leases = new Leases(database, new Engines(database));
  const log = vi.fn();
  const turns = leasedTurns(leases, log);
  const take = (run: string, waiting: (waitingFor: string) => void = () => {}) =>
    turns.take(run, new AbortController().signal, waiting);
  const writable = (isWritable: boolean): void => void database.pragma(`query_only = ${isWritable ? 'OFF' : 'ON'}`);
  return { leases, log, turns, take, writable };
}

it('where there is no history, a run goes at once and says what that may mean', async () => {
  const log = vi.fn();
  const turns = soleTurns('Another process held it.', log);
  const turn = await turns.take('a', new AbortController().signal, () => expect.unreachable('it waits for nobody'));
  expect(turn.warning).toMatch(/may have computed at the same time: .*: Another process held it\.$/);
  expect(log).toHaveBeenCalledExactlyOnceWith('no turn', { run: 'a', message: 'Another process held it.' });
  turn.end();
  turns.close();
});

describe('a catalog that cannot be written', () => {
  it('costs a turn its heartbeats, and the engine nothing', async () => {
    const { leases, log, take, writable } = await fickleTurns();
    const turn = await take('a');
    expect(turn.warning).toBeNull();
    const begun = leases.get('cpu')!.heartbeat;
    writable(false);
    vi.advanceTimersByTime(10_000);
    expect(log.mock.calls).toEqual([['heartbeat', { run: 'a', message: 'attempt to write a readonly database' }]]);
    writable(true);
    vi.advanceTimersByTime(2000);
    expect(leases.get('cpu')!.heartbeat > begun).toBe(true);
    turn.end();
    expect(leases.get('cpu')).toBeNull();
  });

  it('is given the lease back later', async () => {
    const { leases, take, writable } = await fickleTurns();
    const turn = await take('a');
    writable(false);
    turn.end();
    vi.advanceTimersByTime(1000);
    expect(leases.get('cpu')).toMatchObject({ experiment: 'a' });
    writable(true);
    vi.advanceTimersByTime(300);
    expect(leases.get('cpu')).toBeNull();
  });

  it('is not asked any more once turns are closed, nor for a lease that the next run has', async () => {
    const { leases, turns, take, writable } = await fickleTurns();
    for (const next of [() => take('a'), () => Promise.resolve(turns.close())]) {
      const turn = await take('a');
      writable(false);
      turn.end();
      writable(true);
      await next();
      vi.advanceTimersByTime(1000);
      expect(leases.get('cpu')).toMatchObject({ experiment: 'a' });
    }
  });

  it('lets a run go without its turn, which says so, and takes the turn once it can be written', async () => {
    const { leases, log, take, writable } = await fickleTurns();
    writable(false);
    const turn = await take('a');
    expect(turn.warning).toMatch(/could not be written to the history: attempt to write a readonly database/);
    expect(log).toHaveBeenCalledExactlyOnceWith('no turn', expect.objectContaining({ run: 'a' }));
    vi.advanceTimersByTime(2000);
    expect(leases.get('cpu')).toBeNull();
    writable(true);
    vi.advanceTimersByTime(2000);
    expect(leases.get('cpu')).toMatchObject({ experiment: 'a' });
    turn.end();
    expect(leases.get('cpu')).toBeNull();
  });

  it('still shows that another Snug computes, which is waited for', async () => {
    const { leases, take, writable } = await fickleTurns();
    leases.take('cpu', 'other', neighbour);
    writable(false);
    const waiting = vi.fn();
    const taken = take('a', waiting);
    await vi.waitFor(() => expect(waiting).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('run other')));
    writable(true);
    leases.release('cpu', 'other');
    expect((await taken).warning).toBeNull();
  });
});
