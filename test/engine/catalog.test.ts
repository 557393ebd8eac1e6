import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { historyFilter } from '../../src-main/contract/history.ts';
import { recipe } from '../../src-main/contract/recipe.ts';
import { calibrateResult } from '../../src-main/contract/results.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import type { NewExperiment } from '../../src-main/engine/catalog/experiments.ts';
import { migrations } from '../../src-main/engine/catalog/migrations.ts';
import { writeRecord } from '../../src-main/engine/library/run-records.ts';
import { snapshotOf } from '../../src-main/engine/recorder.ts';
import { errorOf, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

interface Row {
  id: string;
  verb: string;
  state: string;
  finished: string | null;
  recipe: string;
  result: string | null;
  error: string | null;
}

function rows(home: string): Row[] {
  const database = new Database(path.join(home, 'catalog.sqlite'), { readonly: true });
  try {
    return database
      .prepare('SELECT * FROM experiments e JOIN details d ON d.experiment = e.id ORDER BY e.place')
      .all() as Row[];
  } finally {
    database.close();
  }
}

const everything = historyFilter.parse({});
const planRecipe = recipe.parse({ verb: 'plan', model: 'm.gguf', target: { kind: 'file', bytes: 9e6 } });
const calibrateRecipe = recipe.parse({ verb: 'calibrate', model: 'm.gguf', output: 'o' });
const fresh = (id: string, created = '2026-01-01T00:00:00.000Z'): NewExperiment => ({
  ...{ id, recipe: planRecipe, created, versions: { snug: '0' }, clonedFrom: null },
});
/** A process that lives as long as this one. */
const neighbour = { pid: process.ppid, startTime: null };
const dead = { pid: spawnSync('true').pid, startTime: null };

async function opened(home = temporaryFolder()): Promise<Catalog> {
  const catalog = await Catalog.open(home);
  onTestFinished(() => catalog.close());
  return catalog;
}

describe('history', () => {
  it('keeps the recipe, the result or error, the figures and the file of every run', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'out.gguf');
    const asked = { verb: 'quantize', model: sampleModel, output, type: 'Q8_0', importance: 'off', ...quick };
    const result = resultOf(await engine.run(asked), 'quantize');
    errorOf(await engine.run(asked)); // the output is there now
    const [done, failed] = rows(engine.home);
    expect(done).toMatchObject({ id: result.run, verb: 'quantize', state: 'done', error: null });
    expect(JSON.parse(done!.recipe)).toMatchObject(asked);
    expect(JSON.parse(done!.result!)).toEqual(JSON.parse(JSON.stringify(result)));
    expect(failed).toMatchObject({ state: 'failed', result: null });
    expect(JSON.parse(failed!.error!)).toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(failed!.finished).not.toBeNull();

    const detail = (await opened(engine.home)).history.detail(result.run);
    expect(detail.metrics).toMatchObject({
      kld: result.quality!.kld!.mean,
      perplexity: result.quality!.compressed.perplexity,
      proofKld: result.proof!.meanKld,
      peakMemoryBytes: result.peakMemoryBytes,
    });
    expect(detail.artifacts).toEqual([
      { path: output, bytes: statSync(output).size, sha256: result.sha256, present: true },
    ]);
    expect(detail.texts).toEqual([{ sha256: result.quality!.textSha256, use: 'evaluation' }]);
    expect(Object.fromEntries(detail.stages.map(({ name, seconds }) => [name, seconds]))).toEqual(result.stages);
    expect(detail).toMatchObject({ device: 'cpu', seed: 42, modelHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    // What lies beside the file says the same.
    expect(JSON.parse(readFileSync(`${output}.recipe.json`, 'utf8'))).toMatchObject({ run: result.run, recipe: asked });
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

  it('is whole in its one file once its engine is closed, with a run that was interrupted and no lease', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const run = await engine.runUntil(
      { verb: 'quantize', model: sampleModel, output, type: 'Q8_0', ...quick },
      'calibrate',
    );
    await engine.close();
    const copy = temporaryFolder();
    copyFileSync(path.join(engine.home, 'catalog.sqlite'), path.join(copy, 'catalog.sqlite'));
    const { history, leases } = await opened(copy);
    expect(history.list(everything).experiments).toMatchObject([{ run, state: 'interrupted' }]);
    expect(leases.get('cpu')).toBeNull();
  });

  it('is filtered by verb, state, tag and words, newest first', async () => {
    const { experiments, history } = await opened();
    experiments.add(fresh('a', '2026-01-01'), thisProcess);
    experiments.add(fresh('b', '2026-01-02'), thisProcess);
    experiments.update('a', { state: 'cancelled' });
    experiments.tag('b', 'good');
    experiments.note('b', 'For the Laptop');
    const found = (filter: object): string[] =>
      history.list({ ...everything, ...filter }).experiments.map(({ run }) => run);
    expect(found({})).toEqual(['b', 'a']);
    expect(found({ state: 'cancelled' })).toEqual(['a']);
    expect(found({ verb: 'fit' })).toEqual([]);
    expect(found({ tag: 'good' })).toEqual(['b']);
    expect(found({ search: 'laptop' })).toEqual(['b']);
    expect(history.list({ ...everything, limit: 1, offset: 1 })).toMatchObject({
      total: 2,
      experiments: [{ run: 'a' }],
    });
  });

  it('is sorted by what runs worked on and made, those without it last, and leaves plans out where they are not wanted', async () => {
    const { experiments, history } = await opened();
    const made = (id: string, model: string, bytes: number | null): void => {
      const asked = recipe.parse({ verb: 'calibrate', model, output: 'o' });
      experiments.add({ ...fresh(id, `2026-01-0${id}`), recipe: asked }, thisProcess);
      if (bytes === null) return;
      const output = path.join(temporaryFolder(), id);
      writeFileSync(output, 'x'.repeat(bytes));
      experiments.update(id, {
        state: 'done',
        result: { verb: 'calibrate', value: calibrateResult.parse({ ...calibration, output }) },
      });
    };
    made('1', '/z/Alpha.gguf', 3);
    made('2', '/a/beta.gguf', null);
    made('3', '/m/alpha.gguf', 5);
    experiments.add(fresh('plan', '2026-01-04'), thisProcess);
    const sorted = (filter: object): string[] =>
      history.list({ ...everything, withoutPlans: true, ...filter }).experiments.map(({ run }) => run);
    expect(sorted({})).toEqual(['3', '2', '1']);
    expect(sorted({ descending: false })).toEqual(['1', '2', '3']);
    expect(sorted({ sort: 'size' })).toEqual(['3', '1', '2']);
    expect(sorted({ sort: 'size', descending: false })).toEqual(['1', '3', '2']);
    expect(sorted({ sort: 'model', descending: false })).toEqual(['3', '1', '2']);
    expect(sorted({ sort: 'model', descending: false, limit: 1, offset: 1 })).toEqual(['1']);
    expect(history.list(everything).total).toBe(4);
  });

  it('says that a file is gone which was deleted or written over', async () => {
    const { experiments, history } = await opened();
    const output = path.join(temporaryFolder(), 'rows.csv');
    writeFileSync(output, '1');
    const calibrated = { verb: 'calibrate' as const, value: calibrateResult.parse({ ...calibration, output }) };
    for (const id of ['first', 'second']) {
      experiments.add(fresh(id), thisProcess);
      experiments.update(id, { state: 'done', result: calibrated });
    }
    const present = (): boolean[] => ['first', 'second'].map((id) => history.get(id).artifacts[0]!.present);
    expect(present()).toEqual([false, true]);
    rmSync(output);
    expect(present()).toEqual([false, false]);
  });
});

const calibration = {
  ...{ run: 'r', warnings: [], device: 'cpu', weights: 1, tokens: 2, unseenExperts: 0, textSha256: 'abc', seconds: 3 },
  calibration: { samples: 1, tokens: 2, textSha256: 'abc' },
};

describe('runs that can go on', () => {
  it('are those that were stopped, and where asked for behind them those that failed or were cancelled lately', async () => {
    const { experiments, history } = await opened(temporaryFolder());
    const error = { code: 'DISK_FULL' as const, message: 'The disk is full.\nMore of it.', details: {} };
    const ends = [
      ['paused', { state: 'paused' }],
      ['failed', { state: 'failed', error }],
      ['cancelled', { state: 'cancelled' }],
    ] as const;
    for (const [id, job] of ends) {
      experiments.add({ ...fresh(id), recipe: calibrateRecipe }, thisProcess);
      experiments.update(id, job);
    }
    experiments.add({ ...fresh('plan'), recipe: planRecipe }, thisProcess);
    experiments.update('plan', { state: 'cancelled' });
    const found = (since: Date | null): object[] =>
      history.unfinished(() => true, since).experiments.map(({ run, failure }) => ({ run, failure }));
    const [paused, cancelled] = ['paused', 'cancelled'].map((run) => ({ run, failure: null }));
    expect(found(null)).toEqual([paused]);
    expect(found(new Date(Date.now() + 60_000))).toEqual([paused]);
    const failed = { run: 'failed', failure: 'DISK_FULL: The disk is full.' };
    const lately = found(new Date(0));
    expect(lately[0]).toEqual(paused);
    expect(lately.slice(1)).toEqual(expect.arrayContaining([failed, cancelled]));
    expect(lately).toHaveLength(3);
  });
});

it('a row that cannot be read is shown with what is left, and costs no other one anything', async () => {
  const home = temporaryFolder();
  const { experiments, history } = await opened(home);
  for (const id of ['whole', 'newer', 'torn']) {
    experiments.add({ ...fresh(id), recipe: calibrateRecipe }, thisProcess);
    experiments.update(id, { state: 'failed', error: { code: 'DISK_FULL', message: 'Full.', details: {} } });
  }
  const database = new Database(path.join(home, 'catalog.sqlite'));
  database.exec(`UPDATE details SET error = '{"code":"NEW_CODE","message":"So."}' WHERE experiment = 'newer';
    UPDATE details SET recipe = '{', error = '{', versions = '{' WHERE experiment = 'torn'`);
  database.close();
  expect(history.list(everything).total).toBe(3);
  const { experiments: ended } = history.unfinished(() => true, new Date(0));
  expect(Object.fromEntries(ended.map(({ run, failure }) => [run, failure]))).toEqual({
    whole: 'DISK_FULL: Full.',
    newer: 'INTERNAL: NEW_CODE: So.',
    torn: 'INTERNAL: What went wrong cannot be read any more.',
  });
  expect(history.detail('torn')).toMatchObject({ recipe: { verb: 'calibrate', model: 'm.gguf' }, versions: {} });
  expect(snapshotOf(experiments.get('newer'))?.job).toMatchObject({ error: { message: 'NEW_CODE: So.' } });
  expect(() => snapshotOf(experiments.get('torn'))).toThrow(/another version/);
});

describe('runs of a dead engine', () => {
  it('are interrupted when the next one starts, and can be taken up once', async () => {
    const home = temporaryFolder();
    const { experiments, history } = await opened(home);
    experiments.add(fresh('dead'), dead);
    experiments.add(fresh('reused'), { pid: process.pid, startTime: 'another process with our id' });
    experiments.add(fresh('alive'), thisProcess);
    for (const id of ['dead', 'reused', 'alive'])
      experiments.update(id, { state: 'running', progress: null, stages: [] });
    await opened(home);
    expect(rows(home).map(({ id, state }) => [id, state])).toEqual([
      ['dead', 'interrupted'],
      ['reused', process.platform === 'linux' ? 'interrupted' : 'running'],
      ['alive', 'running'],
    ]);
    expect(history.unfinished(() => true).experiments.map(({ run }) => run)).toContain('dead');
    expect(experiments.requeue('dead', thisProcess)).toBe(true);
    expect(experiments.requeue('dead', thisProcess)).toBe(false);
    expect(experiments.requeue('alive', thisProcess)).toBe(false);
  });
});

describe('the lease of a device', () => {
  it('has one holder, and passes from a dead one', async () => {
    const home = temporaryFolder();
    const first = await opened(home);
    const second = await opened(home);
    for (const id of ['a', 'b', 'c']) first.experiments.add(fresh(id), thisProcess);
    expect(first.leases.take('cpu', 'a', thisProcess)).toBeNull();
    expect(second.leases.take('cpu', 'b', neighbour)).toMatchObject({ experiment: 'a', pid: process.pid });
    first.leases.release('cpu', 'a');
    expect(first.leases.take('cpu', 'b', dead)).toBeNull();
    expect(second.leases.take('cpu', 'c', thisProcess)).toBeNull();
    expect(second.leases.get('cpu')).toMatchObject({ experiment: 'c', pid: process.pid });
  });

  it('goes to the run that came first, of whatever engine', async () => {
    const { experiments, leases } = await opened();
    const study = recipe.parse({ verb: 'invariance', model: 'm.gguf' });
    experiments.add({ ...fresh('a'), recipe: study }, neighbour);
    experiments.add({ ...fresh('b'), recipe: study }, thisProcess);
    expect(leases.take('cpu', 'b', thisProcess)).toMatchObject({ experiment: 'a' });
    experiments.move('a', null);
    expect(leases.take('cpu', 'b', thisProcess)).toBeNull();
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

  it('that another process writes for long is waited for at the start, and then whole', async () => {
    const home = temporaryFolder();
    const first = await opened(home);
    first.experiments.add(fresh('dead'), dead);
    const program = `const database = new (require('better-sqlite3'))(process.argv[1]);
      database.exec("DELETE FROM settings WHERE key = 'checked'; BEGIN IMMEDIATE");
      console.log('held'); setTimeout(() => {}, 12000);`;
    const holder = spawn(process.execPath, ['-e', program, path.join(home, 'catalog.sqlite')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    const waiting = vi.fn();
    const second = await Catalog.open(home, waiting);
    onTestFinished(() => second.close());
    expect(waiting).toHaveBeenCalledOnce();
    expect(second.experiments.get('dead')?.state).toBe('interrupted');
  }, 60_000);

  it('that another process does not let go is given up, and its file is named', async () => {
    const home = temporaryFolder();
    const first = await opened(home);
    first.experiments.add(fresh('dead'), dead); // which whoever opens it writes down
    const file = path.join(home, 'catalog.sqlite');
    const holder = new Database(file);
    onTestFinished(() => void holder.close());
    holder.exec("DELETE FROM settings WHERE key = 'checked'; BEGIN IMMEDIATE");
    const waiting = vi.fn();
    await expect(Catalog.open(home, waiting, 1000)).rejects.toMatchObject({
      ...{ code: 'NOT_WRITABLE', details: { path: file } },
      message: expect.stringContaining(`held the history for 1 s and longer, in ${file}`) as string,
    });
  }, 60_000);

  it('of the first version is migrated with all that it holds, and a copy is kept', async () => {
    const home = temporaryFolder();
    const file = path.join(home, 'catalog.sqlite');
    const old = new Database(file);
    old.exec(migrations[0]!);
    old
      .prepare(
        "INSERT INTO experiments (id, verb, model, recipe, state, created, finished, result, versions, engine) VALUES ('old', 'plan', 'm.gguf', ?, 'done', '2026', '2026', '{}', '{}', ?)",
      )
      .run(JSON.stringify(planRecipe), dead.pid);
    old.pragma('user_version = 1');
    old.close();
    const { history } = await opened(home);
    expect(history.get('old')).toMatchObject({ verb: 'plan', state: 'done', recipe: planRecipe });
    const backup = new Database(`${file}.backup-1`, { readonly: true });
    expect(backup.prepare('SELECT id FROM experiments').pluck().all()).toEqual(['old']);
    backup.close();
  });

  it('that is damaged is put aside and made again from its rows and the records beside the files', async () => {
    const home = temporaryFolder();
    const output = path.join(home, 'imatrix.gguf');
    writeFileSync(output, '12');
    const first = await Catalog.open(home);
    for (let index = 0; index < 400; index++) first.experiments.add(fresh(`run-${index}`), thisProcess);
    first.close();
    const value = calibrateResult.parse({ ...calibration, run: 'recorded', output });
    const recorded = recipe.parse({ verb: 'calibrate', model: 'm.gguf', output });
    const when = { created: '2026-01-02', finished: '2026-01-03' };
    await writeRecord(home, output, {
      run: 'recorded',
      recipe: recorded,
      ...when,
      versions: { snug: '0' },
      result: value,
    });
    const file = path.join(home, 'catalog.sqlite');
    const damaged = readFileSync(file);
    damaged.fill(0x5a, damaged.length - 3 * 4096); // the last pages
    writeFileSync(file, damaged);
    const made = new Database(file);
    made.exec("DELETE FROM settings WHERE key = 'checked'"); // a day later
    made.close();

    const { history, recovery } = await opened(home);
    expect(recovery).not.toBeNull();
    expect(readFileSync(recovery!.damaged).length).toBe(damaged.length);
    expect(recovery!.fromRows).toBeGreaterThan(0);
    expect(recovery!.fromRows).toBeLessThan(400);
    expect(recovery!.fromRecords).toBe(1);
    expect(history.get('recorded')).toMatchObject({
      ...when,
      state: 'done',
      artifacts: [{ path: output, present: true }],
    });
    expect(history.list(everything).total).toBe(recovery!.fromRows + 1);
  });

  it.each(['', 'not a database, but long enough to have a header of one hundred bytes and more '.repeat(4)])(
    'that is no database (%j) is put aside or begun',
    async (content) => {
      const home = temporaryFolder();
      writeFileSync(path.join(home, 'catalog.sqlite'), content);
      const { history, recovery } = await opened(home);
      expect(history.list(everything).total).toBe(0);
      if (content !== '') expect(readFileSync(recovery!.damaged, 'utf8')).toBe(content);
    },
  );

  it('of a newer Snug is left alone', async () => {
    const home = temporaryFolder();
    (await Catalog.open(home)).close();
    const database = new Database(path.join(home, 'catalog.sqlite'));
    database.pragma(`user_version = ${migrations.length + 1}`);
    database.close();
    await expect(Catalog.open(home)).rejects.toThrow(/newer Snug/);
  });
});
