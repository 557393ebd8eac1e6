// The SQLite history of every run: recipe, state, result. The only place that writes SQL.
// Two engines may use it at once (WAL, busy timeout).
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type Sqlite from 'better-sqlite3';
import { AppError } from '../../contract/errors.ts';
import type { JobState } from '../../contract/job.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { isRunning } from '../../core/formats/part-files.ts';
import { migrations } from './migrations.ts';

/** Waiting time for a lock that another engine holds. */
const busyTimeoutMs = 5000;
/** better-sqlite3's prebuilt addon needs this Node-API; an older runtime dies when it loads it. */
const neededNodeApi = 10;

export class Catalog {
  private readonly database: Sqlite.Database;

  private constructor(database: Sqlite.Database) {
    this.database = database;
  }

  /** Opens (or creates) `home`/catalog.sqlite. @throws NATIVE_UNAVAILABLE where SQLite cannot be loaded */
  static async open(home: string): Promise<Catalog> {
    const nodeApi = Number(process.versions['napi']);
    if (nodeApi < neededNodeApi) {
      throw new AppError(
        'NATIVE_UNAVAILABLE',
        `The history needs Node-API ${neededNodeApi}; this runtime has ${nodeApi}.`,
        { nodeApi },
      );
    }
    const { default: Database } = await import('better-sqlite3');
    mkdirSync(home, { recursive: true });
    const database = new Database(path.join(home, 'catalog.sqlite'), { timeout: busyTimeoutMs });
    database.pragma('journal_mode = WAL');
    database.pragma('foreign_keys = ON');
    const catalog = new Catalog(database);
    catalog.migrate();
    catalog.closeOrphans();
    return catalog;
  }

  private migrate(): void {
    const apply = this.database.transaction(() => {
      const version = this.database.pragma('user_version', { simple: true }) as number;
      if (version > migrations.length) {
        throw new AppError(
          'INTERNAL',
          `The history was written by a newer Snug (version ${version}, this one knows ${migrations.length}).`,
        );
      }
      for (const migration of migrations.slice(version)) this.database.exec(migration);
      this.database.pragma(`user_version = ${migrations.length}`);
    });
    apply.immediate();
  }

  /** Runs whose engine died are not running any more. */
  private closeOrphans(): void {
    const open = this.database
      .prepare("SELECT id, engine FROM experiments WHERE state IN ('queued', 'running')")
      .all() as { id: string; engine: number }[];
    const error = new AppError('WORKER_CRASHED', 'The engine ended before the run did.').toShape();
    for (const { id, engine } of open) if (!isRunning(engine)) this.update(id, { state: 'failed', error });
  }

  add(id: string, recipe: Recipe, created: string, versions: Record<string, string>): void {
    this.database
      .prepare(
        'INSERT INTO experiments (id, verb, model, recipe, state, created, versions, engine) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        id,
        recipe.verb,
        recipe.model,
        JSON.stringify(recipe),
        'queued',
        created,
        JSON.stringify(versions),
        process.pid,
      );
  }

  /** Records a change of state; the result or error with it. */
  update(id: string, job: JobState): void {
    const ended = job.state === 'done' || job.state === 'failed' || job.state === 'cancelled';
    this.database
      .prepare('UPDATE experiments SET state = ?, finished = ?, result = ?, error = ? WHERE id = ?')
      .run(
        job.state,
        ended ? new Date().toISOString() : null,
        job.state === 'done' ? JSON.stringify(job.result.value) : null,
        job.state === 'failed' ? JSON.stringify(job.error) : null,
        id,
      );
  }

  close(): void {
    this.database.close();
  }
}
