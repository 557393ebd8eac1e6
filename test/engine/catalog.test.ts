import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { migrations } from '../../src-main/engine/catalog/migrations.ts';
import { errorOf, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

interface Row {
  id: string;
  verb: string;
  state: string;
  recipe: string;
  result: string | null;
  error: string | null;
  finished: string | null;
}

function rows(home: string): Row[] {
  const database = new Database(path.join(home, 'catalog.sqlite'), { readonly: true });
  try {
    return database.prepare('SELECT * FROM experiments ORDER BY created').all() as Row[];
  } finally {
    database.close();
  }
}

describe('history', () => {
  it('keeps the recipe and the result or error of every run', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const recipe = {
      verb: 'quantize',
      model: sampleModel,
      output: path.join(folder, 'out.gguf'),
      type: 'Q8_0',
      importance: 'off',
      ...quick,
    };
    const result = resultOf(await engine.run(recipe), 'quantize');
    errorOf(await engine.run(recipe)); // the output is there now
    const [done, failed] = rows(engine.home);
    expect(done).toMatchObject({ id: result.run, verb: 'quantize', state: 'done', error: null });
    expect(JSON.parse(done!.recipe)).toMatchObject(recipe);
    expect(JSON.parse(done!.result!)).toEqual(JSON.parse(JSON.stringify(result)));
    expect(failed).toMatchObject({ state: 'failed', result: null });
    expect(JSON.parse(failed!.error!)).toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(failed!.finished).not.toBeNull();
  });

  it('that cannot be opened does not stop a run, and the result says so', async () => {
    const home = temporaryFolder();
    mkdirSync(path.join(home, 'catalog.sqlite')); // a folder where the file should be
    const engine = await startEngine({ home });
    const list = resultOf(
      await engine.run({ verb: 'plan', model: sampleModel, target: { kind: 'file', bytes: 9e6 } }),
      'plan',
    );
    expect(list.warnings.join()).toMatch(/not kept in the history/);
  });
});

describe('runs of a dead engine', () => {
  it('are not running any more when the next one starts', async () => {
    const home = temporaryFolder();
    (await Catalog.open(home)).close();
    const database = new Database(path.join(home, 'catalog.sqlite'));
    const insert = database.prepare(
      "INSERT INTO experiments (id, verb, model, recipe, state, created, versions, engine) VALUES (?, 'fit', 'm', '{}', 'running', '2026', '{}', ?)",
    );
    insert.run('dead', spawnSync('true').pid);
    insert.run('alive', process.pid);
    database.close();
    (await Catalog.open(home)).close();
    expect(rows(home).map(({ id, state }) => [id, state])).toEqual([
      ['dead', 'failed'],
      ['alive', 'running'],
    ]);
  });
});

describe('catalog', () => {
  it('is opened by two at once, and again', async () => {
    const home = temporaryFolder();
    const [first, second] = await Promise.all([Catalog.open(home), Catalog.open(home)]);
    first.close();
    second.close();
    (await Catalog.open(home)).close();
    expect(rows(home)).toEqual([]);
  });

  it('of a newer Snug is left alone', async () => {
    const home = temporaryFolder();
    (await Catalog.open(home)).close();
    const database = new Database(path.join(home, 'catalog.sqlite'));
    database.pragma(`user_version = ${migrations.length + 1}`);
    database.close();
    await expect(Catalog.open(home)).rejects.toThrow(/newer Snug/);
  });
});
