// The job queue: one heavy job at a time computes on this machine, others wait for their turn; every change is an event
// and a row of the history. A job that was stopped can be taken up again.
import { randomUUID } from 'node:crypto';
import { AppError } from '../../contract/errors.ts';
import {
  hasEnded,
  isResumable,
  jobResult,
  reduceJob,
  type JobEvent,
  type JobResult,
  type JobSnapshot,
} from '../../contract/job.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Recipe } from '../../contract/recipe.ts';
import type { StudyRow } from '../../contract/study.ts';
import type { QueueParts } from './queue-parts.ts';

interface Job {
  snapshot: JobSnapshot;
  isResumed: boolean;
  controller: AbortController;
  /** What an abort makes of it. */
  stopAs: 'cancelled' | 'paused' | 'interrupted';
  ended: Promise<void>;
  end: () => void;
}

/** A plan takes seconds and little memory, and a download no arithmetic: neither waits for a long job. */
const isLight = ({ verb }: Recipe): boolean => verb === 'plan' || verb === 'download';

/** Events that change nothing that the history keeps of a run. */
const isOnTheWay: ReadonlySet<JobEvent['type']> = new Set(['progressed', 'measured', 'waiting']);

export class JobQueue {
  readonly #parts: QueueParts;
  readonly #jobs = new Map<string, Job>();
  #waiting: Job[] = [];
  #isRunning = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  start(recipe: Recipe, clonedFrom: string | null = null): string {
    const id = randomUUID().replaceAll('-', '').slice(0, 12);
    const snapshot: JobSnapshot = { id, recipe, created: new Date().toISOString(), job: { state: 'queued' } };
    const job = { ...stoppable(), snapshot, isResumed: false };
    this.#jobs.set(id, job);
    this.#parts.recorder.added(snapshot, clonedFrom);
    this.#parts.emit('jobs.added', snapshot);
    this.#enqueue(job);
    return id;
  }

  list(): JobSnapshot[] {
    return [...this.#jobs.values()].map((job) => job.snapshot);
  }

  /** Ids of what waits, next first. */
  waiting(): string[] {
    return this.#waiting.map(({ snapshot }) => snapshot.id);
  }

  get(id: string): JobSnapshot {
    return this.#find(id).snapshot;
  }

  /** Cancels a job; resolves when it has ended. A job that has ended already stays as it is. */
  cancel(id: string): Promise<JobSnapshot> {
    return this.#stop(id, 'cancelled');
  }

  /** Stops a job so that `resume` goes on behind the last thing that it finished. */
  pause(id: string): Promise<JobSnapshot> {
    return this.#stop(id, 'paused');
  }

  /** Takes a job up again that was stopped, of this engine or of one that is gone. @throws USAGE where there is nothing to go on with */
  resume(id: string): JobSnapshot {
    const known = this.#jobs.get(id)?.snapshot ?? this.#parts.recorder.find(id);
    if (!known)
      throw new AppError('USAGE', `There is no run "${id}" that could go on: snug resume lists them.`, { id });
    if (!isResumable(known.job)) {
      const { state } = known.job;
      const message = state === 'done' ? `The run ${id} is done.` : `The run ${id} is not stopped: it is ${state}.`;
      throw new AppError('USAGE', message, { id, state });
    }
    if (!this.#parts.recorder.requeue(id))
      throw new AppError('USAGE', `The run ${id} was taken up by another Snug just now.`, { id });
    const job = { ...stoppable(), snapshot: known, isResumed: true };
    const isNew = !this.#jobs.has(id);
    this.#jobs.set(id, job);
    if (isNew) this.#parts.emit('jobs.added', known);
    // It is the last one here, and has to be in the catalog: with two orders, two engines could wait for each other.
    this.#parts.recorder.moved(id, null);
    this.#apply(job, { type: 'resumed' });
    this.#enqueue(job);
    return job.snapshot;
  }

  /** Puts a waiting job before another waiting one, or at the end. @throws USAGE for jobs that do not wait */
  move(id: string, before: string | null): void {
    const moved = this.#waiting.find(({ snapshot }) => snapshot.id === id);
    const others = this.#waiting.filter((job) => job !== moved);
    const place = before === null ? others.length : others.findIndex(({ snapshot }) => snapshot.id === before);
    if (!moved || place === -1)
      throw new AppError('USAGE', 'Only jobs that wait can be moved, before another one that waits.', { id, before });
    this.#waiting = others.toSpliced(place, 0, moved);
    this.#parts.recorder.moved(id, before);
    this.#parts.emit('jobs.ordered', { waiting: this.waiting() });
  }

  /** Stops everything, to be taken up by a later engine; resolves when nothing runs any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#jobs.keys()].map((id) => this.#stop(id, 'interrupted')));
  }

  #find(id: string): Job {
    const job = this.#jobs.get(id);
    if (!job) throw new AppError('USAGE', `There is no run "${id}" in this session.`, { id });
    return job;
  }

  async #stop(id: string, stopAs: Job['stopAs']): Promise<JobSnapshot> {
    const job = this.#find(id);
    if (hasEnded(job.snapshot.job)) return job.snapshot;
    job.stopAs = stopAs;
    job.controller.abort(new AppError('CANCELLED', 'Cancelled.'));
    if (this.#waiting.includes(job)) {
      this.#waiting = this.#waiting.filter((other) => other !== job);
      this.#apply(job, { type: stopAs });
    }
    await job.ended;
    return job.snapshot;
  }

  #enqueue(job: Job): void {
    if (isLight(job.snapshot.recipe)) {
      void this.#run(job);
      return;
    }
    this.#waiting.push(job);
    void this.#runNext();
  }

  async #runNext(): Promise<void> {
    if (this.#isRunning) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#isRunning = true;
    try {
      await this.#runInTurn(job);
    } finally {
      this.#isRunning = false;
    }
    void this.#runNext();
  }

  /** Runs a job once no other one, of whatever engine, computes on this machine. */
  async #runInTurn(job: Job): Promise<void> {
    const waiting = (waitingFor: string): void => this.#apply(job, { type: 'waiting', waitingFor });
    const { id, recipe } = job.snapshot;
    const turn = await this.#parts
      .refuseEarly({ run: id, recipe, isResumed: job.isResumed })
      .then(() => this.#parts.turns.take(id, job.controller.signal, waiting))
      .catch((error: unknown) => this.#failed(job, error));
    if (!turn) return;
    try {
      await this.#run(job, turn.warning);
    } finally {
      turn.end();
    }
  }

  async #run(job: Job, warning: string | null = null): Promise<void> {
    const { id: run, recipe, created } = job.snapshot;
    const { isResumed } = job;
    const { signal } = job.controller;
    this.#apply(job, { type: 'started' });
    const start = performance.now();
    const report = (progress: Progress): void => {
      const elapsedSeconds = (performance.now() - start) / 1000;
      this.#apply(job, { type: 'progressed', progress: { ...progress, elapsedSeconds } });
    };
    const measured = (row: StudyRow): void => this.#apply(job, { type: 'measured', row });
    try {
      const result = await this.#parts.runRecipe({ run, recipe, created, isResumed, signal, report, measured });
      // A result that does not match its schema would be dropped by every listener.
      this.#apply(job, { type: 'finished', result: withWarning(jobResult.parse(result), warning) });
    } catch (error) {
      this.#failed(job, error);
    }
  }

  #failed(job: Job, error: unknown): null {
    const appError = AppError.from(error);
    const wasStopped = appError.code === 'CANCELLED';
    this.#apply(job, wasStopped ? { type: job.stopAs } : { type: 'failed', error: appError.toShape() });
    return null;
  }

  #apply(job: Job, event: JobEvent): void {
    const before = job.snapshot.job;
    const after = reduceJob(before, event);
    if (after === before) return;
    job.snapshot = { ...job.snapshot, job: after };
    const problem = isOnTheWay.has(event.type) ? null : this.#parts.recorder.changed(job.snapshot);
    const told = problem !== null && event.type === 'finished' ? unkept(event, problem) : event;
    if (told !== event) job.snapshot = { ...job.snapshot, job: reduceJob(before, told) };
    this.#parts.emit('jobs.changed', { id: job.snapshot.id, event: told });
    if (hasEnded(after)) job.end();
  }
}

const withWarning = (result: JobResult, warning: string | null): JobResult =>
  warning === null
    ? result
    : ({ ...result, value: { ...result.value, warnings: [...result.value.warnings, warning] } } as JobResult);

const unkept = (event: Extract<JobEvent, { type: 'finished' }>, problem: string): JobEvent => ({
  ...event,
  result: withWarning(event.result, `This run is not kept in the history: ${problem}`),
});

function stoppable(): Omit<Job, 'snapshot' | 'isResumed'> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  return { controller: new AbortController(), stopAs: 'cancelled', ended, end };
}
