// The SQLite history: runs, their results and files, who computes now, settings. Nothing outside this folder writes SQL.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../contract/errors.ts';
import { watched } from './damage.ts';
import { catalogFile, isBusy, openDatabase, type Database } from './database.ts';
import { Engines } from './engines.ts';
import { Experiments, type KeptRun } from './experiments.ts';
import { History } from './history.ts';
import { Installs } from './installs.ts';
import { Leases } from './leases.ts';
import { isUnwritable } from './unwritable.ts';
import { recover, type Recovery } from './recovery.ts';
import { Settings } from './settings.ts';

const lookAgainMs = 250;
/** A process that writes for longer than this is stuck. */
const longestWaitMs = 120_000;

const heldBy = (file: string, waitedMs: number, cause: unknown): AppError => {
  const message = `Another process held the history for ${Math.round(waitedMs / 1000)} s and longer, in ${file}: end that process, then start Snug again.`;
  return new AppError('NOT_WRITABLE', message, { path: file }, cause);
};

export class Catalog {
  readonly engines: Engines;
  readonly experiments: Experiments;
  readonly history: History;
  readonly installs: Installs;
  readonly leases: Leases;
  readonly settings: Settings;
  /** What became of a damaged file; null where there was none. */
  readonly recovery: Recovery | null;
  readonly #database: Database;

  private constructor(database: Database, file: string, recovery: Recovery | null) {
    this.#database = database;
    this.engines = watched(new Engines(database), file);
    this.experiments = watched(new Experiments(database, this.engines), file);
    this.installs = watched(new Installs(database), file);
    this.history = watched(new History(database, this.installs), file);
    this.leases = watched(new Leases(database, this.engines), file);
    this.settings = watched(new Settings(database), file);
    this.recovery = recovery;
  }

  /**
   * Opens (or creates) `home`/catalog.sqlite; runs that dead engines left are interrupted. While another process holds it,
   * which `waiting` is told once, tries again, and gives up after `longestMs`. @throws as openDatabase; NOT_WRITABLE where it gave up
   */
  static async open(home: string, waiting: () => void = () => {}, longestMs = longestWaitMs): Promise<Catalog> {
    const start = performance.now();
    for (let isTold = false; ; isTold = true) {
      try {
        return await Catalog.#openOnce(home);
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (performance.now() - start > longestMs) throw heldBy(catalogFile(home), longestMs, error);
        if (!isTold) waiting();
        await delay(lookAgainMs);
      }
    }
  }

  static async #openOnce(home: string): Promise<Catalog> {
    const { database, damaged } = await openDatabase(home);
    try {
      const recovery = damaged === null ? null : await recover(database, home, damaged);
      const catalog = new Catalog(database, catalogFile(home), recovery);
      await catalog.#interruptOrphans();
      return catalog;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  async #interruptOrphans(): Promise<void> {
    const orphans = await this.#orphans();
    try {
      for (const run of orphans) this.experiments.interrupt(run);
      this.engines.forgetGone();
    } catch (error) {
      if (!isUnwritable(error)) throw error; // what cannot be written can still be read
    }
  }

  /** Runs whose engine is gone; waits where that takes several looks. */
  async #orphans(): Promise<KeptRun[]> {
    const open = this.experiments.unfinished().filter(({ state }) => state === 'queued' || state === 'running');
    const isSuspect = ({ engine }: KeptRun): boolean => engine !== null && this.engines.presence(engine) === 'suspect';
    while (open.filter(isSuspect).length > 0) await delay(lookAgainMs);
    return open.filter(({ engine }) => engine === null || this.engines.presence(engine) === 'gone');
  }

  /**
   * Moves all that was written into the one file, so that a copy of it is the whole history, as far as no other Snug is
   * at it; what cannot be moved stays beside it. The database stays open: closing removes the files beside it, without
   * which a disk that only reads cannot show the history (https://sqlite.org/wal.html#read_only_databases).
   */
  checkpoint(): void {
    try {
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (!isBusy(error) && !isUnwritable(error)) throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}
