// What goes wrong around a job: its files go, the catalog is held by someone else, the clock jumps. The error is clear, and
// the job goes on afterwards.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { historyFilter, type ExperimentList } from '../../src-main/contract/history.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { errorOf, quick, resultOf, startEngine, temporaryFolder, type TestEngine } from '../support/engine.ts';
import { childrenOf } from '../support/killing.ts';
import { sampleModel } from '../support/paths.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { snugIn } from '../support/snug-process.ts';

const quantize = (model: string, output: string): object => ({
  ...{ verb: 'quantize', model, output, type: 'Q8_0', evaluate: false, prove: false },
  ...quick,
  calibration: { samples: 10, length: 256 },
});

const resume = async (engine: TestEngine, id: string) => {
  await engine.call['jobs.resume']({ id }, {} as never);
  return engine.ended(id);
};

describe('a model that is taken away while a job works on it', () => {
  it('fails the job, which is refused while it is away and goes on when it is back', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'model.gguf');
    const output = path.join(folder, 'out.gguf');
    copyFileSync(sampleModel, model);
    const id = await engine.runUntil(quantize(model, output), 'calibrate');
    renameSync(model, `${model}.away`);
    expect(errorOf(await engine.ended(id)).message).toContain(model);
    expect(errorOf(await resume(engine, id))).toMatchObject({
      code: 'INPUTS_CHANGED',
      details: { changes: [`${model} is gone`] },
    });
    renameSync(`${model}.away`, model);
    // A power cut at a bad moment.
    truncateSync(path.join(engine.home, 'jobs', id, 'checkpoints/inputs.json'));
    const { warnings } = resultOf(await resume(engine, id), 'quantize');
    expect(warnings).toEqual([expect.stringContaining('started over')]);
  }, 300_000);
});

describe('a job whose record of its inputs is gone', () => {
  it('is refused on another model, and says on the same one that it knew no more', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const [model, output] = [path.join(folder, 'model.gguf'), path.join(folder, 'out.gguf')];
    copyFileSync(sampleModel, model);
    const id = await engine.runUntil(quantize(model, output), 'calibrate');
    await engine.call['jobs.pause']({ id }, {} as never);
    rmSync(path.join(engine.home, 'jobs', id), { recursive: true });
    truncateSync(model, statSync(model).size - 64);
    appendFileSync(model, Buffer.alloc(64, 1));
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(errorOf(await resume(engine, id))).toMatchObject({
        code: 'INPUTS_CHANGED',
        details: { changes: [`the content of ${model} was changed`] },
      });
    }
    copyFileSync(sampleModel, model);
    rmSync(path.join(engine.home, 'jobs', id), { recursive: true });
    const { warnings } = resultOf(await resume(engine, id), 'quantize');
    expect(warnings).toEqual([expect.stringContaining('its inputs is gone')]);
  }, 300_000);
});

describe('a job that is paused behind its calibration', () => {
  it('goes on without a second one, and writes what it would have written', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'model.gguf');
    copyFileSync(sampleModel, model);
    const id = await engine.runUntil(quantize(model, path.join(folder, 'paused.gguf')), 'quantize');
    expect(await engine.call['jobs.pause']({ id }, {} as never)).toMatchObject({ job: { state: 'paused' } });
    utimesSync(model, new Date(), new Date()); // touched, but not changed
    const result = resultOf(await resume(engine, id), 'quantize');
    const other = resultOf(await engine.run(quantize(sampleModel, path.join(folder, 'other.gguf'))), 'quantize');
    expect(result.sha256).toBe(other.sha256);
    // The importance was not measured again: its time is that of the first attempt.
    const again = engine.events.filter(
      ({ name, payload }) =>
        name === 'jobs.changed' &&
        JSON.stringify(payload).includes(`"id":"${id}"`) &&
        /"stage":"calibrate"/.test(JSON.stringify(payload)),
    );
    const resumed = engine.events.findIndex(({ payload }) => JSON.stringify(payload).includes('"type":"resumed"'));
    expect(again.every((event) => engine.events.indexOf(event) < resumed)).toBe(true);
  }, 300_000);
});

describe.skipIf(process.platform !== 'linux')('a worker that hears nothing', () => {
  it('is ended soon enough for the job to be cancelled in order', async () => {
    const engine = await startEngine();
    const evaluation = { engine: 'onnx', window: 512, windows: 200 };
    const id = await engine.runUntil({ verb: 'evaluate', model: sampleModel, threads: 1, evaluation }, 'evaluate');
    const workers = (): number[] =>
      childrenOf(process.pid).flatMap(({ pid, program }) => (/worker/.test(program) ? [pid] : []));
    await expect.poll(workers).toHaveLength(1);
    process.kill(workers()[0]!, 'SIGSTOP');
    const start = performance.now();
    expect(await engine.call['jobs.cancel']({ id }, {} as never)).toMatchObject({ job: { state: 'cancelled' } });
    expect(performance.now() - start).toBeLessThan(1450); // the command line waits for 1.6 s
  });
});

describe('a catalog that another program holds', () => {
  it('delays the record of a run, and loses nothing', async () => {
    const engine = await startEngine();
    const other = new Database(path.join(engine.home, 'catalog.sqlite'));
    other.exec('BEGIN EXCLUSIVE');
    const target = { kind: 'file', bytes: 9e6 };
    const { id } = await engine.run({ verb: 'plan', model: sampleModel, target });
    other.exec('ROLLBACK');
    other.close();
    await expect
      .poll(async () => (await engine.call['history.list']({ ...everything }, {} as never)).experiments, {
        timeout: 5000,
      })
      .toMatchObject([{ run: id, state: 'done' }]);
  });
});

/** As a day later: the file is to be checked, and the check cannot be noted. The reader keeps the journals, as an engine does. */
function forgetCheck(file: string): void {
  const [writer, reader] = [new Database(file), new Database(file, { readonly: true })];
  writer.exec("DELETE FROM settings WHERE key = 'checked'");
  reader.prepare('SELECT count(*) FROM settings').get();
  writer.close();
  reader.close();
}

describe.skipIf(!canMount)('user data that can only be read', () => {
  it('show the history, cost a run nothing but its place in it, and refuse other changes with a code', async () => {
    const { folder: home, makeReadOnly } = smallDisk(64);
    const snug = snugIn(temporaryFolder(), home);
    expect(await snug(['plan', sampleModel, '--file-size', '9MB'])).toMatchObject({ code: 0 });
    forgetCheck(path.join(home, 'catalog.sqlite'));
    makeReadOnly();
    const listed = await snug(['history']);
    expect(listed).toMatchObject({ code: 0, value: { total: 1 } });
    const { run } = (listed.value as ExperimentList).experiments[0]!;
    const engine = await startEngine({ home });
    const output = path.join(temporaryFolder(), 'out.gguf');
    const asked = { ...quantize(sampleModel, output), importance: 'off' };
    const { warnings } = resultOf(await engine.run(asked), 'quantize');
    expect(warnings.join()).toMatch(/not kept in the history: .*readonly/);
    expect(warnings.join()).toMatch(/the turn of this run could not be written/);
    expect(existsSync(output)).toBe(true);
    const tagged = await snug(['history', 'tag', run, 'laptop']);
    expect(tagged.value).toMatchObject({ error: { code: 'NOT_WRITABLE' } });
  }, 60_000);
});

describe('a clock that jumps', () => {
  it.each(['1970-01-01T00:00:00.000Z', '2100-01-01T00:00:00.000Z'])(
    'to %s takes no lease from a living process',
    async (heartbeat) => {
      const home = temporaryFolder();
      const { experiments, leases, close } = await openedCatalog(home);
      for (const id of ['a', 'b']) {
        const recipe = recipeSchema.parse({ verb: 'invariance', model: 'm.gguf' });
        experiments.add({ id, recipe, created: heartbeat, versions: {}, clonedFrom: null }, thisProcess);
      }
      expect(leases.take('cpu', 'a', thisProcess)).toBeNull();
      const database = new Database(path.join(home, 'catalog.sqlite'));
      database.prepare('UPDATE leases SET heartbeat = ?').run(heartbeat);
      database.close();
      const other = { pid: process.ppid, startTime: null };
      expect(leases.take('cpu', 'b', other)).toMatchObject({ experiment: 'a' });
      close();
    },
  );
});

const everything = historyFilter.parse({});

async function openedCatalog(home: string) {
  const catalog = await Catalog.open(home);
  return { experiments: catalog.experiments, leases: catalog.leases, close: () => catalog.close() };
}
