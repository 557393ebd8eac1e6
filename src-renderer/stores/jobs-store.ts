// Mirrors the engine's jobs: one snapshot, then its events in order through the reducer that the engine uses too.
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { z } from 'zod';
import type { EngineApi } from '../../src-main/contract/engine-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import { hasEnded, reduceJob, type JobEvent, type JobSnapshot } from '../../src-main/contract/job.ts';
import type { recipe } from '../../src-main/contract/recipe.ts';
import type { Client } from '../../src-main/rpc/client.ts';

type Jobs = ReadonlyMap<string, JobSnapshot>;
type Change = (jobs: Jobs) => Jobs;

export const useJobsStore = defineStore('jobs', () => {
  const jobs = shallowRef<Jobs>(new Map());
  let followed: Client<EngineApi> | null = null;
  /** Jobs that make or measure something, newest first: plans are questions of the Fit screen. */
  const runs = computed(() => [...jobs.value.values()].filter(({ recipe }) => recipe.verb !== 'plan').reverse());
  /** The run that is being worked on; while none is, the one whose turn is next. */
  const activeRun = computed(
    () =>
      runs.value.find(({ job }) => job.state === 'running') ?? runs.value.findLast(({ job }) => !hasEnded(job)) ?? null,
  );

  /** Mirrors the jobs of `client` from now on; the jobs of an engine before it are forgotten. */
  async function follow(client: Client<EngineApi>): Promise<void> {
    followed = client;
    jobs.value = new Map();
    let early: Change[] | null = null;
    let nextSeq: number | null = null;

    function receive(seq: number, change: Change): void {
      const hasGap = nextSeq !== null && seq !== nextSeq;
      nextSeq = seq + 1;
      if (early) early.push(change);
      else if (hasGap) void load().catch(() => {}); // fails only with the engine, which is told elsewhere
      else jobs.value = change(jobs.value);
    }

    // What arrives while the snapshot is on its way is applied to it; states that hold it already stay as they are or catch up.
    async function load(): Promise<void> {
      const waiting: Change[] = [];
      early = waiting;
      const snapshot = await client.call['jobs.list']({});
      const loaded: Jobs = new Map(snapshot.jobs.map((job) => [job.id, job]));
      jobs.value = waiting.reduce((state, change) => change(state), loaded);
      early = null;
    }

    client.on('jobs.added', (job, seq) => receive(seq, (state) => withJob(state, job)));
    client.on('jobs.changed', ({ id, event }, seq) => receive(seq, (state) => withEvent(state, id, event)));
    await load();
  }

  function engine(): Client<EngineApi> {
    if (followed === null) throw new AppError('WORKER_CRASHED', 'The engine is not running.');
    return followed;
  }

  /** Starts a job and answers with its id. */
  async function start(wanted: z.input<typeof recipe>, clonedFrom: string | null = null): Promise<string> {
    const { id } = await engine().call['jobs.start']({ recipe: wanted, clonedFrom });
    return id;
  }

  /** Cancels a job; resolves when it has ended. */
  async function cancel(id: string): Promise<void> {
    await engine().call['jobs.cancel']({ id });
  }

  return { jobs, runs, activeRun, follow, start, cancel };
});

function withJob(jobs: Jobs, job: JobSnapshot): Jobs {
  return jobs.has(job.id) ? jobs : new Map(jobs).set(job.id, job);
}

function withEvent(jobs: Jobs, id: string, event: JobEvent): Jobs {
  const known = jobs.get(id);
  return known === undefined ? jobs : new Map(jobs).set(id, { ...known, job: reduceJob(known.job, event) });
}
