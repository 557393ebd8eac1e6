// Mirrors the engine's jobs: one snapshot, then its events in order through the reducer that the engine uses too.
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { z } from 'zod';
import type { EngineApi } from '../../src-main/contract/engine-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Experiment } from '../../src-main/contract/history.ts';
import { hasEnded, reduceJob, type JobEvent, type JobSnapshot } from '../../src-main/contract/job.ts';
import type { JobLogLines } from '../../src-main/contract/job-log.ts';
import type { Preflight } from '../../src-main/contract/preflight.ts';
import type { recipe, Recipe } from '../../src-main/contract/recipe.ts';
import type { Client } from '../../src-main/rpc/client.ts';
import { singly } from './singly.ts';

interface Mirror {
  jobs: ReadonlyMap<string, JobSnapshot>;
  /** Ids in the order of their turns, as the engine last told it; may hold some that wait no more. */
  waiting: readonly string[];
}
type Change = (mirror: Mirror) => Mirror;

export const useJobsStore = defineStore('jobs', () => {
  const mirror = shallowRef<Mirror>({ jobs: new Map(), waiting: [] });
  let followed: Client<EngineApi> | null = null;
  const jobs = computed(() => mirror.value.jobs);
  /** Jobs that make or measure something, newest first: plans are questions of the Fit area. */
  const runs = computed(() => [...jobs.value.values()].filter(({ recipe }) => recipe.verb !== 'plan').reverse());
  /** The run that is being worked on; while none is, the one whose turn is next. */
  const activeRun = computed(
    () =>
      runs.value.find(({ job }) => job.state === 'running') ?? runs.value.findLast(({ job }) => !hasEnded(job)) ?? null,
  );
  /** What waits behind another run, next first. */
  const waiting = computed(() => waitingOf(mirror.value));

  /** Mirrors the jobs of `client` from now on; the jobs of an engine before it are forgotten. */
  async function follow(client: Client<EngineApi>): Promise<void> {
    followed = client;
    mirror.value = { jobs: new Map(), waiting: [] };
    let early: Change[] | null = null;
    let nextSeq: number | null = null;

    function receive(seq: number, change: Change): void {
      const hasGap = nextSeq !== null && seq !== nextSeq;
      nextSeq = seq + 1;
      if (early) early.push(change);
      else if (hasGap) void load().catch(() => {}); // fails only with the engine, which is told elsewhere
      else mirror.value = change(mirror.value);
    }

    // What arrives while the snapshot is on its way is applied to it; states that hold it already stay as they are or catch up.
    async function load(): Promise<void> {
      const late: Change[] = [];
      early = late;
      const snapshot = await client.call['jobs.list']({});
      const loaded: Mirror = { jobs: new Map(snapshot.jobs.map((job) => [job.id, job])), waiting: snapshot.waiting };
      mirror.value = late.reduce((state, change) => change(state), loaded);
      early = null;
    }

    client.on('jobs.added', (job, seq) => receive(seq, (state) => withJob(state, job)));
    client.on('jobs.changed', ({ id, event }, seq) => receive(seq, (state) => withEvent(state, id, event)));
    client.on('jobs.ordered', ({ waiting: order }, seq) => receive(seq, (state) => ({ ...state, waiting: order })));
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
  const cancel = singly(async (id: string): Promise<void> => {
    await engine().call['jobs.cancel']({ id });
  });

  /** Stops a job, to go on later; resolves when it has stopped. */
  const pause = singly(async (id: string): Promise<void> => {
    await engine().call['jobs.pause']({ id });
  });

  /** Takes up a job that was stopped. */
  const resume = singly(async (id: string): Promise<void> => {
    await engine().call['jobs.resume']({ id });
  });

  /** Puts a waiting job `places` further towards the end. */
  async function move(id: string, places: 1 | -1): Promise<void> {
    const order = waiting.value.map((job) => job.id);
    const before = order[order.indexOf(id) + (places === 1 ? 2 : -1)] ?? null;
    await engine().call['jobs.move']({ id, before });
  }

  /** Runs of whatever session that nobody works on and that can go on, newest first. */
  const unfinished = async (): Promise<Experiment[]> => (await engine().call['history.unfinished']({})).experiments;

  /** The newest lines of a job's log. */
  const log = (id: string): Promise<JobLogLines> => engine().call['jobs.log']({ id });

  /** What a job is expected to take. */
  const preflight = (wanted: Recipe): Promise<Preflight> => engine().call['jobs.preflight']({ recipe: wanted });

  const actions = { follow, start, cancel, pause, resume, move, unfinished, log, preflight };
  return { jobs, runs, activeRun, waiting, ...actions };
});

/** One that has come to the front and waits for the device of another Snug cannot be moved any more. */
function waitingOf({ jobs, waiting }: Mirror): JobSnapshot[] {
  return waiting
    .map((id) => jobs.get(id))
    .filter((job) => job?.job.state === 'queued' && job.job.waitingFor === undefined)
    .map((job) => job!);
}

/** A plan and a download wait for nobody. */
function withJob(mirror: Mirror, job: JobSnapshot): Mirror {
  const { jobs } = mirror;
  if (jobs.has(job.id)) return mirror;
  return {
    jobs: new Map(jobs).set(job.id, job),
    waiting: job.job.state === 'queued' ? queuedBehind(mirror, job) : mirror.waiting,
  };
}

function queuedBehind({ waiting }: Mirror, { id, recipe: { verb } }: JobSnapshot): readonly string[] {
  return verb === 'plan' || verb === 'download' ? waiting : [...waiting.filter((other) => other !== id), id];
}

function withEvent(mirror: Mirror, id: string, event: JobEvent): Mirror {
  const known = mirror.jobs.get(id);
  if (known === undefined) return mirror;
  const job = reduceJob(known.job, event);
  const jobs = new Map(mirror.jobs).set(id, { ...known, job });
  const isTakenUp = job !== known.job && event.type === 'resumed';
  return { jobs, waiting: isTakenUp ? queuedBehind(mirror, known) : mirror.waiting };
}
