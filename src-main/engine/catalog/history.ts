// Reads the runs: lists with a filter, one run in full.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type {
  Artifact,
  Experiment,
  ExperimentDetail,
  ExperimentList,
  HistoryFilter,
  HistorySort,
  Metric,
  UnfinishedList,
} from '../../contract/history.ts';
import { AppError, errorShape, type ErrorShape } from '../../contract/errors.ts';
import { planMemory } from '../../contract/plan.ts';
import type { Database } from './database.ts';
import type { Installs } from './installs.ts';

interface ExperimentRow {
  run: string;
  verb: string;
  model: string;
  method: string | null;
  recipe: string;
  recipeHash: string;
  state: Experiment['state'];
  created: string;
  started: string | null;
  finished: string | null;
  seconds: number | null;
  device: string | null;
  note: string;
  memory: string | null;
}

const columns = `e.id AS run, e.verb, e.model, e.method, d.recipe, e.recipe_hash AS recipeHash, e.state, e.created,
  e.started, e.finished, e.seconds, e.device, e.note, e.memory`;

const sortKeys: Record<HistorySort, string> = {
  created: 'e.created',
  model: 'file_name(e.model)',
  method: "e.verb || ' ' || coalesce(e.method, '')",
  size: 'e.bytes',
  loss: 'e.loss',
  device: 'e.device',
};

export interface KnownSource {
  path: string;
  bytes: number | null;
  runs: number;
  seen: string;
}

/** A run that made a file and told its loss, as it was kept. */
export interface MeasuringRun {
  run: string;
  verb: string;
  recipe: string;
  result: string;
}

export interface MadeModel {
  path: string;
  bytes: number;
  state: 'present' | 'deleted';
  run: string;
  verb: string;
  method: string | null;
  loss: number | null;
  parent: string;
  seen: string;
}

export class History {
  readonly #database: Database;
  readonly #installs: Installs;

  constructor(database: Database, installs: Installs) {
    this.#database = database;
    this.#installs = installs;
    database.function('file_name', { deterministic: true }, fileName);
  }

  list(filter: HistoryFilter): ExperimentList {
    const { where, values } = conditions(filter);
    const order = orderOf(filter);
    const total = this.#database.prepare(`SELECT count(*) FROM experiments e ${where}`).pluck().get(values) as number;
    // The page is found on narrow rows before JSON is read; CROSS JOIN keeps SQLite from doing it the other way round.
    const rows = this.#database
      .prepare(
        `SELECT ${columns} FROM (
           SELECT e.id FROM experiments e ${where} ORDER BY ${order} LIMIT @limit OFFSET @offset
         ) page CROSS JOIN experiments e ON e.id = page.id JOIN details d ON d.experiment = e.id
         ORDER BY ${order}`,
      )
      .all({ ...values, limit: filter.limit, offset: filter.offset }) as ExperimentRow[];
    return { experiments: rows.map((row) => this.#experiment(row)), total };
  }

  tags(): string[] {
    return this.#database.prepare('SELECT DISTINCT tag FROM tags ORDER BY tag').pluck().all() as string[];
  }

  /** The models that runs worked on, the one that was worked on last first. */
  sources(): KnownSource[] {
    return this.#database
      .prepare(
        `SELECT coalesce(m.path, e.model) AS path, max(m.bytes) AS bytes, sum(e.verb <> 'plan') AS runs, max(e.created) AS seen
         FROM experiments e LEFT JOIN models m ON m.id = e.model_id GROUP BY 1 ORDER BY seen DESC`,
      )
      .all() as KnownSource[];
  }

  /** The models that runs made, the newest first. */
  made(): MadeModel[] {
    return this.#database
      .prepare(
        `SELECT a.path, a.bytes, a.state, e.id AS run, e.verb, e.method, e.loss, coalesce(m.path, e.model) AS parent,
           coalesce(e.finished, e.created) AS seen
         FROM artifacts a JOIN experiments e ON e.id = a.experiment LEFT JOIN models m ON m.id = e.model_id
         WHERE e.verb IN ('fit', 'quantize', 'slice') ORDER BY seen DESC`,
      )
      .all() as MadeModel[];
  }

  /** The newest `count` runs that made a file of the model with this hash, wherever it lay, and measured its loss. */
  measuring(modelHash: string, count: number): MeasuringRun[] {
    return this.#database
      .prepare(
        `SELECT e.id AS run, e.verb, d.recipe, d.result
         FROM models m JOIN experiments e ON e.model_id = m.id JOIN details d ON d.experiment = e.id
         WHERE m.hash = ? AND e.verb IN ('fit', 'quantize', 'slice') AND e.state = 'done' AND e.loss IS NOT NULL
         ORDER BY e.created DESC LIMIT ?`,
      )
      .all(modelHash, count) as MeasuringRun[];
  }

  /**
   * Runs that were stopped before they were done and that no engine works on, newest first, of those that `isWanted`; behind
   * them those that failed or were cancelled since `endedSince`, but for plans, which keep nothing.
   */
  unfinished(isWanted: (run: string) => boolean, endedSince: Date | null = null): UnfinishedList {
    const rows = this.#database
      .prepare(
        `SELECT ${columns}, d.error FROM experiments e JOIN details d ON d.experiment = e.id
         WHERE e.state IN ('paused', 'interrupted')
           OR (e.state IN ('failed', 'cancelled') AND e.verb <> 'plan' AND e.finished >= ?)
         ORDER BY e.state IN ('failed', 'cancelled'), e.created DESC`,
      )
      .all(endedSince?.toISOString() ?? null) as (ExperimentRow & { error: string | null })[];
    const experiments = rows
      .filter(({ run }) => isWanted(run))
      .map(({ error, ...row }) => ({
        ...this.#experiment(row),
        failure: row.state === 'failed' && error !== null ? failureOf(error) : null,
      }));
    return { experiments, total: experiments.length };
  }

  /** @throws USAGE for a run that is not there */
  get(run: string): Experiment {
    const row = this.#database
      .prepare(`SELECT ${columns} FROM experiments e JOIN details d ON d.experiment = e.id WHERE e.id = ?`)
      .get(run) as ExperimentRow | undefined;
    if (!row) throw new AppError('USAGE', `There is no run "${run}" in the history: snug history lists them.`, { run });
    return this.#experiment(row);
  }

  /** @throws USAGE for a run that is not there */
  detail(run: string): ExperimentDetail {
    const experiment = this.get(run);
    const more = this.#database
      .prepare(
        `SELECT e.seed, e.cloned_from AS clonedFrom, m.hash AS modelHash, d.versions, d.result, d.error
         FROM experiments e JOIN details d ON d.experiment = e.id LEFT JOIN models m ON m.id = e.model_id WHERE e.id = ?`,
      )
      .get(run) as {
      seed: number | null;
      clonedFrom: string | null;
      modelHash: string | null;
      versions: string;
      result: string | null;
      error: string | null;
    };
    return {
      ...experiment,
      ...more,
      versions: (jsonOf(more.versions) ?? {}) as Record<string, string>,
      result: more.result === null ? null : jsonOf(more.result),
      error: more.error === null ? null : readError(more.error),
      texts: this.#all<ExperimentDetail['texts'][number]>('SELECT sha256, use FROM texts WHERE experiment = ?', run),
      stages: this.#all<ExperimentDetail['stages'][number]>(
        'SELECT name, seconds FROM stages WHERE experiment = ? ORDER BY seconds DESC',
        run,
      ),
      allMetrics: this.#metrics(run),
      installs: this.#installs.ofRun(run),
    };
  }

  #experiment(row: ExperimentRow): Experiment {
    const figures = mainFigures(this.#metrics(row.run));
    return {
      ...row,
      recipe: recipeOf(row),
      memory: planMemory.safeParse(jsonOf(row.memory ?? 'null')).data ?? null,
      metrics: Object.fromEntries(figures.map(({ name, value }) => [name, value])),
      standardErrors: Object.fromEntries(
        figures.flatMap(({ name, standardError }) => (standardError === null ? [] : [[name, standardError]])),
      ),
      artifacts: this.#artifacts(row.run),
      tags: this.#database
        .prepare('SELECT tag FROM tags WHERE experiment = ? ORDER BY tag')
        .pluck()
        .all(row.run) as string[],
    };
  }

  #metrics(run: string): Metric[] {
    return this.#all<Metric>(
      'SELECT name, value, standard_error AS standardError, context FROM metrics WHERE experiment = ? ORDER BY name, context',
      run,
    );
  }

  #artifacts(run: string): Artifact[] {
    const rows = this.#all<{ path: string; bytes: number; sha256: string | null; state: string }>(
      'SELECT path, bytes, sha256, state FROM artifacts WHERE experiment = ? ORDER BY path',
      run,
    );
    return rows.map(({ state, ...file }) => ({ ...file, present: state === 'present' && isThere(file.path) }));
  }

  #all<Row>(sql: string, run: string): Row[] {
    return this.#database.prepare(sql).all(run) as Row[];
  }
}

function failureOf(error: string): string {
  const { code, message } = readError(error);
  return `${code}: ${message.split('\n', 1)[0]}`;
}

/** A kept error; of one with a code of another version, or that is damaged, what can be read. */
export function readError(text: string): ErrorShape {
  const value = jsonOf(text);
  const known = errorShape.safeParse(value);
  if (known.success) return known.data;
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  const told = [code, message].filter((part) => typeof part === 'string').join(': ');
  return { code: 'INTERNAL', message: told || 'What went wrong cannot be read any more.', details: {} };
}

/** null for what is no JSON, which one row is to be and no reason to lose the others. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** A kept recipe; of one that cannot be read, what its row tells. */
function recipeOf({ recipe, verb, model }: ExperimentRow): Experiment['recipe'] {
  const value = jsonOf(recipe);
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Experiment['recipe']) : { verb, model };
}

/** A relative path, which older versions kept, names no one file. */
const isThere = (file: string): boolean => path.isAbsolute(file) && existsSync(file);

/** The last part of a path of any system, as it is sorted. */
function fileName(file: unknown): string {
  return (
    String(file)
      .toLowerCase()
      .split(/[\\/]/)
      .findLast((part) => part !== '') ?? ''
  );
}

/** Runs that are equal in what they are sorted by: the newest first, whatever the direction. */
function orderOf({ sort, descending }: HistoryFilter): string {
  const direction = descending ? 'DESC' : 'ASC';
  return sort === 'created' ? `e.created ${direction}` : `${sortKeys[sort]} ${direction} NULLS LAST, e.created DESC`;
}

function conditions({ verb, state, tag, search, withoutPlans }: HistoryFilter): {
  where: string;
  values: Record<string, string>;
} {
  const parts: string[] = [];
  const values: Record<string, string> = {};
  if (verb !== null) parts.push('e.verb = @verb');
  if (state !== null) parts.push('e.state = @state');
  if (tag !== null) parts.push('e.id IN (SELECT experiment FROM tags WHERE tag = @tag)');
  if (search !== '') parts.push('instr(e.words, @search) > 0');
  if (withoutPlans) parts.push("e.verb <> 'plan'");
  if (verb !== null) values['verb'] = verb;
  if (state !== null) values['state'] = state;
  if (tag !== null) values['tag'] = tag;
  if (search !== '') values['search'] = search.toLowerCase();
  return { where: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, values };
}

/** Figures that a run has once. */
function mainFigures(metrics: readonly Metric[]): Metric[] {
  return metrics.filter(({ name }) => metrics.filter((other) => other.name === name).length === 1);
}
