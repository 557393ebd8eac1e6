// Which engines still live. Most are judged by their process; where that says nothing (core/process-identity.ts: another
// container, or a system that does not tell when a process began) by the sign of life that an engine writes as long as
// it has runs in hand.
import { judge, processTag, readProcessTag, type ProcessIdentity } from '../../core/process-identity.ts';
import type { Database } from './database.ts';

/** An engine shows itself this often. */
export const heartbeatMs = 2000;
/** 30 signs: a machine that swaps, or a catalog that another process holds, holds up some of them. */
const silenceMs = 60_000;
/**
 * The clock alone does not tell: all engines of a laptop that slept, or whose clock was set, look old until they show
 * themselves again. So the sign has to stand still under our eyes too, for five signs.
 */
const watchMs = 10_000;
/** Of the time between two looks, that much counts as watched: no sleep in between does. */
const longestGapMs = 1000;

/** suspect: silent by the clock, and not watched for long enough. */
export type Presence = 'alive' | 'gone' | 'suspect';

interface Watched {
  sign: string | null;
  at: number;
  ms: number;
}

export class Engines {
  readonly #database: Database;
  readonly #watched = new Map<string, Watched>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Shows that `owner` lives. */
  beat(owner: ProcessIdentity): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO engines (process, seen) VALUES (?, ?)')
      .run(processTag(owner), new Date().toISOString());
  }

  /** Of an engine that has nothing in hand any more. */
  forget(owner: ProcessIdentity): void {
    this.#database.prepare('DELETE FROM engines WHERE process = ?').run(processTag(owner));
  }

  /** Of engines that were killed. */
  forgetGone(): void {
    const known = this.#database.prepare('SELECT process FROM engines').pluck().all() as string[];
    for (const tag of known) {
      const owner = readProcessTag(tag);
      if (owner && this.presence(owner) === 'gone') this.forget(owner);
    }
  }

  /** To be asked again after at most a second, while it answers suspect. */
  presence(owner: ProcessIdentity): Presence {
    const judged = judge(owner);
    if (judged !== 'unsure') return judged;
    const sign = this.#lastSign(owner);
    const watchedMs = this.#watch(processTag(owner), sign);
    const ageMs = Date.now() - Date.parse(sign ?? '');
    if (ageMs >= 0 && ageMs < silenceMs) return 'alive';
    return watchedMs < watchMs ? 'suspect' : 'gone';
  }

  #lastSign(owner: ProcessIdentity): string | null {
    return this.#database
      .prepare(
        `SELECT max(seen) FROM (SELECT seen FROM engines WHERE process = ?
           UNION ALL SELECT heartbeat FROM leases WHERE pid = ? AND start IS ?)`,
      )
      .pluck()
      .get(processTag(owner), owner.pid, owner.startTime) as string | null;
  }

  /** For how long this sign was the last one. */
  #watch(engine: string, sign: string | null): number {
    const at = performance.now();
    const before = this.#watched.get(engine);
    const ms = before?.sign === sign ? before.ms + Math.min(at - before.at, longestGapMs) : 0;
    this.#watched.set(engine, { sign, at, ms });
    return ms;
  }
}
