// Who computes on a device: one run at a time, across every engine that uses this catalog. A lease is taken over only
// when the engine that holds it is gone (engines.ts).
import { isSame, type ProcessIdentity } from '../../core/process-identity.ts';
import type { Database } from './database.ts';
import type { Engines } from './engines.ts';

export interface Lease {
  device: string;
  experiment: string;
  pid: number;
  startTime: string | null;
  heartbeat: string;
}

/** A run that waits or works, and whose engine that is. */
interface Waiting {
  id: string;
  pid: number;
  startTime: string | null;
}

export class Leases {
  readonly #database: Database;
  readonly #engines: Engines;

  constructor(database: Database, engines: Engines) {
    this.#database = database;
    this.#engines = engines;
  }

  /**
   * Takes the device for a run where no other living engine has it and none has a run that waits before it. The order
   * of the owner's own runs is its queue's affair, which asks for one at a time. Answers null when the run has it, else
   * what has it or comes first.
   */
  take(device: string, experiment: string, owner: ProcessIdentity): Pick<Lease, 'experiment' | 'pid'> | null {
    const attempt = this.#database.transaction(() => {
      const holder = this.holder(device, owner);
      if (holder) return holder;
      const earlier = this.#firstWaitingBefore(experiment, owner);
      if (earlier) return { experiment: earlier.id, pid: earlier.pid };
      this.#database
        .prepare('INSERT OR REPLACE INTO leases (device, experiment, pid, start, heartbeat) VALUES (?, ?, ?, ?, ?)')
        .run(device, experiment, owner.pid, owner.startTime, new Date().toISOString());
      return null;
    });
    return attempt.immediate();
  }

  beat(device: string, experiment: string): void {
    this.#database
      .prepare('UPDATE leases SET heartbeat = ? WHERE device = ? AND experiment = ?')
      .run(new Date().toISOString(), device, experiment);
  }

  release(device: string, experiment: string): void {
    this.#database.prepare('DELETE FROM leases WHERE device = ? AND experiment = ?').run(device, experiment);
  }

  /** Whoever has the device but `owner`, which may have a lease left that it could not give back. */
  holder(device: string, owner: ProcessIdentity): Lease | null {
    const lease = this.get(device);
    return lease && !isSame(lease, owner) && this.#isPresent(lease) ? lease : null;
  }

  /** Whose run computes, as far as one look tells. */
  current(device: string): Lease | null {
    const lease = this.get(device);
    return lease && this.#engines.presence(lease) === 'alive' ? lease : null;
  }

  get(device: string): Lease | null {
    const found = this.#database
      .prepare('SELECT device, experiment, pid, start AS startTime, heartbeat FROM leases WHERE device = ?')
      .get(device) as Lease | undefined;
    return found ?? null;
  }

  #firstWaitingBefore(experiment: string, owner: ProcessIdentity): Waiting | null {
    const rows = this.#database
      .prepare(
        `SELECT id, engine_pid AS pid, engine_start AS startTime FROM experiments
         WHERE state = 'queued' AND engine_pid IS NOT NULL AND verb NOT IN ('plan', 'download')
           AND place < (SELECT place FROM experiments WHERE id = ?) ORDER BY place`,
      )
      .all(experiment) as Waiting[];
    return rows.find((row) => !isSame(row, owner) && this.#isPresent(row)) ?? null;
  }

  #isPresent(owner: ProcessIdentity): boolean {
    return this.#engines.presence(owner) !== 'gone';
  }
}
