import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import { historyFilter } from '../../src-main/contract/history.ts';
import { recipe } from '../../src-main/contract/recipe.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { writeRecord } from '../../src-main/engine/library/run-records.ts';
import { temporaryFolder } from '../support/engine.ts';

const everything = historyFilter.parse({});
const sliceRecipe = recipe.parse({
  verb: 'slice',
  model: 'm.gguf',
  output: 'o.gguf',
  method: 'per-block',
  sparsity: 0.2,
});
const runs = 40;
/** Of the versions that a run is kept with: a history of 40 such runs is checked by the day, not at every start. */
const largeBytes = 300_000;

const fileOf = (home: string): string => path.join(home, 'catalog.sqlite');

async function opened(home: string): Promise<Catalog> {
  const catalog = await Catalog.open(home);
  onTestFinished(() => catalog.close());
  return catalog;
}

/** A history whose first pages of `tables` are overwritten, an hour after it was checked. */
async function damagedHome(versionBytes: number, tables = ['metrics', 'tags']): Promise<string> {
  const home = temporaryFolder();
  const catalog = await Catalog.open(home);
  for (let index = 0; index < runs; index++) {
    const id = `run-${index}`;
    const versions = { snug: 'x'.repeat(versionBytes) };
    catalog.experiments.add({ id, recipe: sliceRecipe, created: '2026', versions, clonedFrom: null }, thisProcess);
    catalog.experiments.update(id, { state: 'cancelled' });
  }
  catalog.close();
  changed(home, (database) => checked(database, new Date(Date.now() - 3_600_000)));
  damage(home, tables);
  return home;
}

/** Overwrites the first pages of `tables`, in place. */
function damage(home: string, tables: readonly string[]): void {
  const pages = changed(home, (database) => {
    const rootPage = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck();
    return tables.map((table) => Number(rootPage.get(table)));
  });
  const content = readFileSync(fileOf(home));
  for (const page of pages) content.fill(0x5a, (page - 1) * 4096, page * 4096);
  writeFileSync(fileOf(home), content);
}

function changed<T>(home: string, change: (database: Database.Database) => T): T {
  const database = new Database(fileOf(home));
  try {
    return change(database);
  } finally {
    database.close();
  }
}

const checked = (database: Database.Database, when: Date): unknown =>
  database.prepare("INSERT OR REPLACE INTO settings (key, value) VALUES ('checked', ?)").run(when.toISOString());

function thrownBy(action: () => unknown): AppError {
  try {
    action();
  } catch (error) {
    return AppError.from(error);
  }
  throw new Error('Nothing was thrown.');
}

describe('a damaged history', () => {
  it('of the usual size is found and made again at the next start, however long ago it was checked', async () => {
    const home = await damagedHome(10);
    const { history, recovery } = await opened(home);
    expect(recovery).toMatchObject({ fromRows: runs });
    expect(history.list(everything).total).toBe(runs);
  });

  it.each<[string, (catalog: Catalog) => unknown]>([
    ['read', ({ history }) => history.list(everything)],
    ['write', ({ experiments }) => experiments.tag('run-1', 'good')],
  ])('of any size that is met by a %s says what to do, and the next start makes it again', async (_what, meet) => {
    const home = await damagedHome(largeBytes);
    const first = await Catalog.open(home);
    expect(first.recovery).toBeNull(); // it was checked an hour ago
    const error = thrownBy(() => meet(first));
    expect(error).toMatchObject({ code: 'HISTORY_DAMAGED', details: { file: fileOf(home) } });
    expect(error.message).toMatch(/is damaged .*Start Snug again/);
    first.close();

    const { history, experiments, recovery } = await opened(home);
    expect(recovery).toMatchObject({ fromRows: runs });
    experiments.tag('run-1', 'good');
    expect(history.list(everything).total).toBe(runs);
    expect((await opened(home)).recovery).toBeNull(); // what was suspected was looked at once
    expect(readdirSync(home).filter((name) => name.includes('suspect'))).toEqual([]);
  });

  it('is found although the clock was set back since its last check', async () => {
    const home = await damagedHome(largeBytes);
    changed(home, (database) => checked(database, new Date(Date.now() + 365 * 24 * 3_600_000)));
    expect((await opened(home)).recovery).toMatchObject({ fromRows: runs });
  });

  it('is put aside once by two that start together', async () => {
    const home = await damagedHome(10);
    const both = await Promise.all([opened(home), opened(home)]);
    expect(both.filter(({ recovery }) => recovery !== null)).toHaveLength(1);
    expect(readdirSync(home).filter((name) => /damaged-.*Z$/.test(name))).toHaveLength(1);
    for (const { history } of both) expect(history.list(everything).total).toBe(runs);
  });
});

it('an engine that computes while another one makes the history again goes on in the new one, and keeps its turn', async () => {
  const home = temporaryFolder();
  const first = await opened(home);
  first.experiments.add(
    { id: 'long', recipe: sliceRecipe, created: '2026', versions: {}, clonedFrom: null },
    thisProcess,
  );
  first.experiments.update('long', { state: 'running', progress: null, stages: [] });
  expect(first.leases.take('cpu', 'long', thisProcess)).toBeNull();
  first.checkpoint();
  damage(home, ['metrics', 'tags']);

  const second = await opened(home);
  expect(second.recovery).toMatchObject({ fromRows: 1 });
  const other = { pid: process.ppid, startTime: null };
  expect(second.leases.holder('cpu', other)).toMatchObject({ experiment: 'long' });
  expect(second.experiments.get('long')).toMatchObject({ state: 'running' });
  first.experiments.tag('long', 'good');
  first.experiments.update('long', { state: 'cancelled' });
  first.leases.release('cpu', 'long');
  expect(second.history.list(everything).experiments).toMatchObject([{ state: 'cancelled', tags: ['good'] }]);
  expect(second.leases.holder('cpu', other)).toBeNull();
  expect(changed(home, (database) => database.pragma('integrity_check', { simple: true }))).toBe('ok');
});

it('runs whose recipes are lost are listed with the rest, and have them again where a record tells them', async () => {
  const home = await damagedHome(10, ['details']);
  const record = { run: 'run-3', recipe: sliceRecipe, created: '2026', finished: '2026', versions: {}, result: null };
  await writeRecord(home, path.join(home, 'o.gguf'), record);
  const { history, recovery } = await opened(home);
  expect(recovery).toMatchObject({ fromRows: runs, fromRecords: 1 });
  expect(history.list(everything).experiments).toHaveLength(runs);
  expect(history.detail('run-3').recipe).toEqual(sliceRecipe);
  expect(history.detail('run-4')).toMatchObject({
    ...{ recipe: { verb: 'slice', model: 'm.gguf' }, method: 'per-block', seed: 42, result: null },
  });
});

it('a run that is had again from its record has the method and the seed that it had', async () => {
  const home = temporaryFolder();
  const first = await Catalog.open(home);
  const created = '2026-01-02';
  first.experiments.add({ id: 'a', recipe: sliceRecipe, created, versions: {}, clonedFrom: null }, thisProcess);
  const { method, seed } = first.history.detail('a');
  first.close();
  expect([method, seed]).toEqual(['per-block', 42]);
  for (const [run, kept] of [
    ['a', sliceRecipe],
    ['other', { ...sliceRecipe, verb: 'unheard-of' }],
  ] as const) {
    const record = { run, recipe: kept, created, finished: '2026-01-03', versions: {}, result: null };
    await writeRecord(home, path.join(home, run), record);
  }
  writeFileSync(fileOf(home), 'no database '.repeat(100));

  const { history, recovery } = await opened(home);
  expect(recovery).toMatchObject({ fromRecords: 2 });
  expect(history.detail('a')).toMatchObject({ method, seed });
  expect(history.detail('other')).toMatchObject({ method: null, seed: null });
});
