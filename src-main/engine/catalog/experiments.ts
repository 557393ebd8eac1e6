// Writes the runs: what is asked for, what becomes of it, what it made.
import { statSync } from 'node:fs';
import { hasEnded, jobResult, type JobState } from '../../contract/job.ts';
import { recipe as recipeSchema, type Recipe } from '../../contract/recipe.ts';
import type { ExperimentState } from '../../contract/history.ts';
import type { ProcessIdentity } from '../../core/process-identity.ts';
import type { RunRecord } from '../library/run-records.ts';
import type { Database } from './database.ts';
import type { Engines } from './engines.ts';
import { recipeHash } from './recipe-hash.ts';
import { methodOf, recordOf, seedOf, type ResultRecord } from './result-record.ts';

export interface NewExperiment {
  id: string;
  recipe: Recipe;
  created: string;
  versions: Record<string, string>;
  clonedFrom: string | null;
}

/** `hash`: of a sample of its bytes. */
export interface FoundModel {
  path: string;
  hash: string;
  bytes: number;
}

/** A run that is kept, as far as the queue needs it. */
export interface KeptRun {
  id: string;
  recipe: string;
  created: string;
  state: ExperimentState;
  started: string | null;
  error: string | null;
  engine: { pid: number; startTime: string | null } | null;
}

export class Experiments {
  readonly #database: Database;
  readonly #engines: Engines;

  constructor(database: Database, engines: Engines) {
    this.#database = database;
    this.#engines = engines;
  }

  /** Adds a run at the end of the queue of the engine `owner`. */
  add({ id, recipe, created, versions, clonedFrom }: NewExperiment, owner: ProcessIdentity): void {
    this.#atomically(() => {
      this.#run(
        `INSERT INTO experiments
           (id, verb, model, method, recipe_hash, state, created, seed, cloned_from, place, engine_pid, engine_start)
         VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM experiments), ?, ?)`,
        ...[id, recipe.verb, recipe.model, methodOf(recipe), recipeHash(recipe), created],
        ...[seedOf(recipe), clonedFrom, owner.pid, owner.startTime],
      );
      this.#run(
        'INSERT INTO details (experiment, recipe, versions) VALUES (?, ?, ?)',
        ...[id, JSON.stringify(recipe), JSON.stringify(versions)],
      );
      this.#engines.beat(owner);
    });
  }

  /** Records a change of state; the result or error with it. */
  update(id: string, job: JobState): void {
    const now = new Date().toISOString();
    this.#atomically(() => {
      this.#run('UPDATE experiments SET state = ? WHERE id = ?', job.state, id);
      if (job.state === 'running') this.#run('UPDATE experiments SET started = ? WHERE id = ?', now, id);
      if (hasEnded(job)) {
        this.#run(
          'UPDATE experiments SET finished = ?, engine_pid = NULL, engine_start = NULL WHERE id = ?',
          ...[now, id],
        );
      }
      if (job.state === 'failed') this.#keep('error', id, job.error);
      if (job.state !== 'done') return;
      this.#keep('result', id, job.result.value);
      this.#run('UPDATE details SET error = NULL WHERE experiment = ?', id);
      this.#record(id, recordOf(job.result));
    });
  }

  /** Adds a run that was done, or what is missing of it, from the record beside its file; false where nothing is missing. */
  restore({ run, recipe, created, finished, versions, result }: RunRecord): boolean {
    const known = recipeSchema.safeParse(recipe).data; // it may be of another version of Snug
    return this.#atomically(() => {
      this.#run(
        `INSERT OR IGNORE INTO experiments (id, verb, model, method, recipe_hash, state, created, finished, seed, place)
         VALUES (?, ?, ?, ?, ?, 'done', ?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM experiments))`,
        ...[run, recipe.verb, recipe.model, known ? methodOf(known) : null, recipeHash(recipe), created, finished],
        known ? seedOf(known) : null,
      );
      const added = this.#run(
        'INSERT OR IGNORE INTO details (experiment, recipe, versions, result) VALUES (?, ?, ?, ?)',
        ...[run, JSON.stringify(recipe), JSON.stringify(versions), JSON.stringify(result)],
      );
      const done = jobResult.safeParse({ verb: recipe.verb, value: result });
      if (added === 1 && done.success) this.#record(run, recordOf(done.data));
      return added === 1;
    });
  }

  /** Puts a run that ended into the queue of the engine `owner` again, at its old place, which `move` changes; false where it is not resumable any more. */
  requeue(id: string, owner: ProcessIdentity): boolean {
    return this.#atomically(() => {
      const changed = this.#run(
        `UPDATE experiments SET state = 'queued', finished = NULL, engine_pid = ?, engine_start = ?
         WHERE id = ? AND state IN ('paused', 'interrupted', 'failed', 'cancelled')`,
        ...[owner.pid, owner.startTime, id],
      );
      if (changed === 1) this.#engines.beat(owner);
      return changed === 1;
    });
  }

  /** Runs that some engine has in hand or that were never ended. */
  unfinished(): KeptRun[] {
    return this.#kept("WHERE e.state IN ('queued', 'running', 'paused', 'interrupted') ORDER BY e.place");
  }

  get(id: string): KeptRun | null {
    return this.#kept('WHERE e.id = ?', id)[0] ?? null;
  }

  /** Marks a run whose engine died; does nothing where it was taken up meanwhile. */
  interrupt({ id, state, engine }: KeptRun): void {
    this.#run(
      `UPDATE experiments SET state = 'interrupted', engine_pid = NULL, engine_start = NULL
       WHERE id = ? AND state = ? AND engine_pid IS ?`,
      ...[id, state, engine?.pid ?? null],
    );
  }

  /** Moves a waiting run before another one, or to the end. */
  move(id: string, before: string | null): void {
    this.#atomically(() => {
      const place = before === null ? this.#lastPlace() + 1 : this.#placeBefore(before);
      this.#run('UPDATE experiments SET place = ? WHERE id = ?', place, id);
    });
  }

  /** Notes which model a run works on. */
  noteModel(id: string, { path, hash, bytes }: FoundModel): void {
    this.#atomically(() => {
      this.#run(
        'INSERT INTO models (path, hash, bytes, seen) VALUES (?, ?, ?, ?) ON CONFLICT (path, hash) DO UPDATE SET seen = excluded.seen',
        ...[path, hash, bytes, new Date().toISOString()],
      );
      this.#run(
        'UPDATE experiments SET model_id = (SELECT id FROM models WHERE path = ? AND hash = ?) WHERE id = ?',
        ...[path, hash, id],
      );
    });
  }

  /** Of the model that an attempt at the run worked on; null where none came so far. */
  modelHash(id: string): string | null {
    const hash = this.#database
      .prepare('SELECT m.hash FROM experiments e JOIN models m ON m.id = e.model_id WHERE e.id = ?')
      .pluck()
      .get(id) as string | undefined;
    return hash ?? null;
  }

  tag(id: string, tag: string): void {
    this.#run('INSERT OR IGNORE INTO tags (tag, experiment) VALUES (?, ?)', tag, id);
  }

  untag(id: string, tag: string): void {
    this.#run('DELETE FROM tags WHERE tag = ? AND experiment = ?', tag, id);
  }

  note(id: string, text: string): void {
    this.#run('UPDATE experiments SET note = ? WHERE id = ?', text, id);
  }

  /** The record of a file stays when the file goes. */
  fileDeleted(id: string, path: string): void {
    this.#run("UPDATE artifacts SET state = 'deleted' WHERE experiment = ? AND path = ?", id, path);
  }

  #record(id: string, record: ResultRecord): void {
    const { device, seconds, calibration, best, memory } = record;
    const losses = record.metrics.filter(({ name }) => name === 'kld');
    this.#run(
      'UPDATE experiments SET device = ?, seconds = ?, loss = ?, memory = ? WHERE id = ?',
      ...[device, seconds, losses.length === 1 ? losses[0]!.value : null, memory && JSON.stringify(memory), id],
    );
    for (const [name, value] of Object.entries(record.stages))
      this.#run('INSERT OR REPLACE INTO stages (experiment, name, seconds) VALUES (?, ?, ?)', id, name, value);
    for (const { name, context, value, standardError } of record.metrics)
      this.#run(
        'INSERT OR REPLACE INTO metrics (experiment, name, context, value, standard_error) VALUES (?, ?, ?, ?, ?)',
        ...[id, name, context, value, standardError],
      );
    for (const { use, sha256 } of record.texts)
      this.#run('INSERT OR IGNORE INTO texts (experiment, use, sha256) VALUES (?, ?, ?)', id, use, sha256);
    if (calibration)
      this.#run(
        'INSERT OR REPLACE INTO calibrations (experiment, samples, tokens, text_sha256) VALUES (?, ?, ?, ?)',
        ...[id, calibration.samples, calibration.tokens, calibration.textSha256],
      );
    for (const plan of record.plans)
      this.#run(
        `INSERT OR REPLACE INTO plans (experiment, id, summary, file_bytes, memory_bytes, fits, kld, basis, best)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[id, plan.id, plan.summary, plan.fileBytes, plan.memory.totalBytes, Number(plan.fits)],
        ...[plan.predicted.kld, plan.predicted.basis, Number(plan.id === best)],
      );
    for (const file of record.files) this.#addFile(id, file);
    this.#run(
      'UPDATE experiments SET bytes = (SELECT sum(bytes) FROM artifacts WHERE experiment = ?) WHERE id = ?',
      ...[id, id],
    );
  }

  #addFile(id: string, { path, bytes, sha256 }: ResultRecord['files'][number]): void {
    // A file that was written over is not there any more.
    this.#run("UPDATE artifacts SET state = 'deleted' WHERE path = ? AND experiment <> ?", path, id);
    this.#run(
      "INSERT OR REPLACE INTO artifacts (experiment, path, bytes, sha256, state) VALUES (?, ?, ?, ?, 'present')",
      ...[id, path, bytes ?? statSync(path).size, sha256],
    );
  }

  #keep(column: 'result' | 'error', id: string, value: unknown): void {
    this.#run(`UPDATE details SET ${column} = ? WHERE experiment = ?`, JSON.stringify(value), id);
  }

  #kept(where: string, ...values: unknown[]): KeptRun[] {
    const rows = this.#database
      .prepare(
        `SELECT e.id, d.recipe, e.created, e.state, e.started, d.error, e.engine_pid, e.engine_start
         FROM experiments e JOIN details d ON d.experiment = e.id ${where}`,
      )
      .all(...values) as (Omit<KeptRun, 'engine'> & { engine_pid: number | null; engine_start: string | null })[];
    return rows.map(({ engine_pid: pid, engine_start: startTime, ...run }) => ({
      ...run,
      engine: pid === null ? null : { pid, startTime },
    }));
  }

  #lastPlace(): number {
    return this.#database.prepare('SELECT max(place) FROM experiments').pluck().get() as number;
  }

  #placeBefore(id: string): number {
    const place = this.#database.prepare('SELECT place FROM experiments WHERE id = ?').pluck().get(id) as number;
    const earlier = this.#database.prepare('SELECT max(place) FROM experiments WHERE place < ?').pluck().get(place) as
      | number
      | null;
    return ((earlier ?? place - 1) + place) / 2;
  }

  #atomically<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }

  /** Rows that were changed. */
  #run(sql: string, ...values: unknown[]): number {
    return this.#database.prepare(sql).run(...values).changes;
  }
}
