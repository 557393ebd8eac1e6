// The SQLite history: runs, their results and files, who computes now, settings. Nothing outside this folder writes SQL.
import { isAlive } from '../../core/process-identity.ts';
import { watched } from './damage.ts';
import { catalogFile, isBusy, openDatabase, type Database } from './database.ts';
import { Experiments } from './experiments.ts';
import { History } from './history.ts';
import { Installs } from './installs.ts';
import { Leases } from './leases.ts';
import { isUnwritable } from './unwritable.ts';
import { recover, type Recovery } from './recovery.ts';
import { Settings } from './settings.ts';

export class Catalog {
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
    this.experiments = watched(new Experiments(database), file);
    this.installs = watched(new Installs(database), file);
    this.history = watched(new History(database, this.installs), file);
    this.leases = watched(new Leases(database), file);
    this.settings = watched(new Settings(database), file);
    this.recovery = recovery;
  }

  /** Opens (or creates) `home`/catalog.sqlite; runs that dead engines left are interrupted. @throws as openDatabase */
  static async open(home: string): Promise<Catalog> {
    const { database, damaged } = await openDatabase(home);
    const recovery = damaged === null ? null : await recover(database, home, damaged);
    const catalog = new Catalog(database, catalogFile(home), recovery);
    catalog.#interruptOrphans();
    return catalog;
  }

  #interruptOrphans(): void {
    for (const run of this.experiments.unfinished()) {
      const isOpen = run.state === 'queued' || run.state === 'running';
      if (!isOpen || (run.engine && isAlive(run.engine))) continue;
      try {
        this.experiments.interrupt(run);
      } catch (error) {
        if (!isUnwritable(error)) throw error;
        return; // what cannot be written can still be read
      }
    }
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
