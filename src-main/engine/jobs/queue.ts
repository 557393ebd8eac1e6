// The job queue: one job runs at a time, others wait; every change is an event and a row of the history.
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { engineApi } from '../../contract/engine-api.ts';
import { AppError } from '../../contract/errors.ts';
import { jobResult, reduceJob, type JobEvent, type JobResult, type JobSnapshot } from '../../contract/job.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Recipe } from '../../contract/recipe.ts';

type Events = (typeof engineApi)['events'];
export type Emit = <Name extends keyof Events>(name: Name, payload: z.infer<Events[Name]>) => void;

/** Does the work of a recipe. */
export type RunRecipe = (
  run: string,
  recipe: Recipe,
  signal: AbortSignal,
  report: (progress: Progress) => void,
) => Promise<JobResult>;

/** Keeps the history; a history that cannot be written is reported once per run, as a warning of its result. */
export interface Recorder {
  added: (snapshot: JobSnapshot) => void;
  changed: (snapshot: JobSnapshot) => void;
}

interface Job {
  snapshot: JobSnapshot;
  controller: AbortController;
  ended: Promise<void>;
  end: () => void;
}

export class JobQueue {
  private readonly jobs = new Map<string, Job>();
  private readonly waiting: Job[] = [];
  private readonly runRecipe: RunRecipe;
  private readonly recorder: Recorder;
  private readonly emit: Emit;
  private running = false;

  constructor(runRecipe: RunRecipe, recorder: Recorder, emit: Emit) {
    this.runRecipe = runRecipe;
    this.recorder = recorder;
    this.emit = emit;
  }

  start(recipe: Recipe): string {
    const id = randomUUID().slice(0, 8);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const snapshot: JobSnapshot = { id, recipe, created: new Date().toISOString(), job: { state: 'queued' } };
    const job: Job = { snapshot, controller: new AbortController(), ended, end };
    this.jobs.set(id, job);
    this.waiting.push(job);
    this.recorder.added(snapshot);
    this.emit('jobs.added', snapshot);
    void this.runNext();
    return id;
  }

  list(): JobSnapshot[] {
    return [...this.jobs.values()].map((job) => job.snapshot);
  }

  get(id: string): JobSnapshot {
    return this.find(id).snapshot;
  }

  /** Cancels a job; resolves when it has ended. A job that has ended already stays as it is. */
  async cancel(id: string): Promise<JobSnapshot> {
    const job = this.find(id);
    job.controller.abort(new AppError('CANCELLED', 'Cancelled.'));
    if (job.snapshot.job.state === 'queued') this.apply(job, { type: 'cancelled' });
    await job.ended;
    return job.snapshot;
  }

  /** Cancels everything; resolves when nothing runs any more. */
  async close(): Promise<void> {
    await Promise.all([...this.jobs.keys()].map((id) => this.cancel(id)));
  }

  private find(id: string): Job {
    const job = this.jobs.get(id);
    if (!job) throw new AppError('USAGE', `There is no run "${id}" in this session.`, { id });
    return job;
  }

  private async runNext(): Promise<void> {
    if (this.running) return;
    const job = this.waiting.shift();
    if (!job) return;
    this.running = true;
    try {
      if (job.snapshot.job.state === 'queued') await this.run(job);
    } finally {
      this.running = false;
    }
    void this.runNext();
  }

  private async run(job: Job): Promise<void> {
    const { id, recipe } = job.snapshot;
    const { signal } = job.controller;
    this.apply(job, { type: 'started' });
    try {
      const result = await this.runRecipe(id, recipe, signal, (progress) =>
        this.apply(job, { type: 'progressed', progress }),
      );
      // A result that does not match its schema would be dropped by every listener.
      this.apply(job, { type: 'finished', result: jobResult.parse(result) });
    } catch (error) {
      const appError = AppError.from(error);
      this.apply(
        job,
        appError.code === 'CANCELLED' ? { type: 'cancelled' } : { type: 'failed', error: appError.toShape() },
      );
    }
  }

  private apply(job: Job, event: JobEvent): void {
    const before = job.snapshot.job;
    const after = reduceJob(before, event);
    if (after === before) return;
    job.snapshot = { ...job.snapshot, job: after };
    if (event.type !== 'progressed') this.recorder.changed(job.snapshot);
    this.emit('jobs.changed', { id: job.snapshot.id, event });
    if (after.state === 'done' || after.state === 'failed' || after.state === 'cancelled') job.end();
  }
}
