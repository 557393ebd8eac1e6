// The queue with work that does nothing: order, pause, cancel, resume, turns.
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import type { JobResult, JobSnapshot } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { JobQueue } from '../../src-main/engine/jobs/queue.ts';
import type { RunRequest } from '../../src-main/engine/jobs/queue-parts.ts';
import type { Turns } from '../../src-main/engine/jobs/turns.ts';

const invariance = recipeSchema.parse({ verb: 'invariance', model: 'm.gguf' });
const plan = recipeSchema.parse({ verb: 'plan', model: 'm.gguf', target: { kind: 'file', bytes: 1 } });
const result: JobResult = {
  verb: 'plan',
  value: { target: { kind: 'file', bytes: 1 }, verdict: '', best: null, plans: [], sliceRefusal: null, warnings: [] },
};

const refused = recipeSchema.parse({ verb: 'invariance', model: 'refused.gguf' });
const refusal = new AppError('OUTPUT_EXISTS', 'x exists already', {});

const freeTurns: Turns = { take: async () => ({ warning: null, end: () => {} }), close: () => {} };

function makeQueue({ turns = freeTurns }: { turns?: Turns } = {}) {
  const running: RunRequest[] = [];
  const finish = new Map<string, (error?: AppError) => void>();
  const begun: string[] = [];
  const states: [string, JobSnapshot['job']['state']][] = [];
  const kept = new Map<string, JobSnapshot>();
  const orders: string[][] = [];
  const queue = new JobQueue({
    turns,
    refuseEarly: ({ recipe: wanted }) => (wanted === refused ? Promise.reject(refusal) : Promise.resolve()),
    runRecipe: (request) =>
      new Promise((resolve, reject) => {
        running.push(request);
        begun.push(request.run);
        finish.set(request.run, (error) => (error ? reject(error) : resolve(result)));
        request.signal.addEventListener('abort', () => reject(request.signal.reason as Error));
      }),
    recorder: {
      added: (snapshot) => void kept.set(snapshot.id, snapshot),
      changed: (snapshot) => {
        kept.set(snapshot.id, snapshot);
        states.push([snapshot.id, snapshot.job.state]);
        return null;
      },
      find: (id) => kept.get(id) ?? null,
      requeue: () => true,
      moved: () => {},
    },
    emit: (name, payload) => {
      if (name === 'jobs.ordered') orders.push((payload as { waiting: string[] }).waiting);
    },
  });
  return { queue, running, begun, finish, states, kept, orders };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the queue', () => {
  it('asks for no turn for a job that is refused before', async () => {
    const take = vi.fn(freeTurns.take);
    const { queue, begun } = makeQueue({ turns: { ...freeTurns, take } });
    const [job, next] = [queue.start(refused), queue.start(invariance)];
    await settled();
    expect(queue.get(job).job).toEqual({ state: 'failed', error: refusal.toShape() });
    expect([begun, take.mock.calls.length]).toEqual([[next], 1]);
  });

  it('runs one heavy job at a time, in order, and answers plans meanwhile', async () => {
    const { queue, begun, finish } = makeQueue();
    const [first, second] = [queue.start(invariance), queue.start(invariance)];
    const light = queue.start(plan);
    await settled();
    expect(begun).toEqual([light, first]);
    finish.get(first)!();
    await settled();
    expect(begun).toEqual([light, first, second]);
  });

  it('moves what waits', async () => {
    const { queue, begun, finish, orders } = makeQueue();
    const [first, second, third] = [queue.start(invariance), queue.start(invariance), queue.start(invariance)];
    await settled();
    queue.move(third, second);
    expect(orders).toEqual([[third, second]]);
    expect(() => queue.move(first, null)).toThrow(/wait/);
    finish.get(first)!();
    await settled();
    expect(begun).toEqual([first, third]);
  });

  it('pauses, resumes and says so to the work', async () => {
    const { queue, running, states, begun } = makeQueue();
    const [first, second] = [queue.start(invariance), queue.start(invariance)];
    await settled();
    expect(await queue.pause(first)).toMatchObject({ job: { state: 'paused' } });
    await settled();
    expect(begun).toEqual([first, second]);
    expect(queue.resume(first)).toMatchObject({ job: { state: 'queued' } });
    await queue.cancel(second);
    await settled();
    expect(running.at(-1)).toMatchObject({ run: first, isResumed: true });
    expect(states.filter(([id]) => id === first).map(([, state]) => state)).toEqual([
      ...['running', 'paused', 'queued', 'running'],
    ]);
  });

  it('cancels and pauses what waits at once', async () => {
    const { queue, begun } = makeQueue();
    const first = queue.start(invariance);
    const [second, third] = [queue.start(invariance), queue.start(invariance)];
    expect(await queue.cancel(second)).toMatchObject({ job: { state: 'cancelled' } });
    expect(await queue.pause(third)).toMatchObject({ job: { state: 'paused' } });
    await settled();
    expect(begun).toEqual([first]);
  });

  it('takes up a run that failed, of an engine before it too, and no other', async () => {
    const { queue, finish, kept, running } = makeQueue();
    const failed = queue.start(invariance);
    await settled();
    finish.get(failed)!(new AppError('DISK_FULL', 'full'));
    await settled();
    queue.resume(failed);
    kept.set('old', { id: 'old', recipe: invariance, created: '2026', job: { state: 'interrupted' } });
    queue.resume('old');
    await settled();
    finish.get(failed)!();
    await settled();
    expect(running.map(({ run, isResumed }) => [run, isResumed])).toEqual([
      [failed, false],
      [failed, true],
      ['old', true],
    ]);
    expect(() => queue.resume(failed)).toThrow(/is done/);
    expect(() => queue.resume('old')).toThrow(/not stopped/);
    expect(() => queue.resume('nothing')).toThrow(/no run "nothing"/);
  });

  it('interrupts what runs and what waits when it closes', async () => {
    const { queue, kept } = makeQueue();
    const ids = [queue.start(invariance), queue.start(invariance)];
    await settled();
    await queue.close();
    expect(ids.map((id) => kept.get(id)!.job.state)).toEqual(['interrupted', 'interrupted']);
  });

  it('waits for its turn, says for what, and gives it back', async () => {
    const free = Promise.withResolvers<void>();
    let held = 0;
    const turns: Turns = {
      ...freeTurns,
      async take(_run, signal, waiting) {
        waiting('run x of another Snug');
        await Promise.race([
          free.promise,
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
        ]);
        held++;
        return { warning: null, end: () => held-- };
      },
    };
    const { queue, finish } = makeQueue({ turns });
    const [cancelled, runs] = [queue.start(invariance), queue.start(invariance)];
    await settled();
    expect(queue.get(cancelled).job).toEqual({ state: 'queued', waitingFor: 'run x of another Snug' });
    expect(await queue.cancel(cancelled)).toMatchObject({ job: { state: 'cancelled' } });
    free.resolve();
    await settled();
    expect(held).toBe(1);
    finish.get(runs)!();
    await settled();
    expect(held).toBe(0);
  });
});
