// What the engine works on, as the shell follows it by the engine's own events: so power, taskbar, tray and the question
// before closing do not depend on a page that may be hidden, reloaded or gone. No Electron here.
import type { EngineApi } from '../contract/engine-api.ts';
import { hasEnded, reduceJob, type JobSnapshot } from '../contract/job.ts';
import type { Client } from '../rpc/client.ts';

export interface Work {
  /** The job that computes now, or the first that waits. */
  name: string;
  /** Of its present stage, 0 to 1; null where it cannot be told yet. */
  fraction: number | null;
}

export interface WorkListener {
  /** Null: nothing is being worked on. */
  changed(work: Work | null): void;
  ended(name: string, state: 'done' | 'failed'): void;
}

/** Seconds of work that the user watches (plans as they type, a few words written) are nothing to hold a window for. */
const brief = new Set(['plan', 'generate']);

/** Follows one engine after the other; each is followed from its first moment, so there is no snapshot to fetch. */
export class WorkWatch {
  private jobs = new Map<string, JobSnapshot>();
  private readonly listener: WorkListener;

  constructor(listener: WorkListener) {
    this.listener = listener;
  }

  follow(client: Client<EngineApi>): void {
    this.forget();
    client.on('jobs.added', (job) => {
      if (brief.has(job.recipe.verb)) return;
      this.jobs.set(job.id, job);
      this.listener.changed(this.current());
    });
    client.on('jobs.changed', ({ id, event }) => {
      const known = this.jobs.get(id);
      if (known === undefined) return;
      const job = reduceJob(known.job, event);
      this.jobs.set(id, { ...known, job });
      this.listener.changed(this.current());
      if ((job.state === 'done' || job.state === 'failed') && !hasEnded(known.job))
        this.listener.ended(nameOf(known), job.state);
    });
  }

  /** The engine is gone, and its jobs with it. */
  forget(): void {
    this.jobs = new Map();
    this.listener.changed(null);
  }

  current(): Work | null {
    const active = [...this.jobs.values()].filter(({ job }) => !hasEnded(job));
    const chosen = active.find(({ job }) => job.state === 'running') ?? active[0];
    if (chosen === undefined) return null;
    const { job } = chosen;
    const progress = job.state === 'running' ? job.progress : null;
    const fraction = progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : null;
    return { name: nameOf(chosen), fraction };
  }
}

/** The file that a job makes, or else the model that it works on. */
function nameOf({ recipe }: JobSnapshot): string {
  const output = 'output' in recipe && typeof recipe.output === 'string' ? recipe.output : recipe.model;
  return output.split(/[\\/]/).at(-1) ?? output;
}
