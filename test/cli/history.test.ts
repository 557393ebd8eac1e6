// snug history and snug resume on a real engine: one run is made, looked at, repeated, and its file deleted.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  Comparison,
  DeletedFiles,
  Experiment,
  ExperimentDetail,
  ExperimentList,
} from '../../src-main/contract/history.ts';
import type { QuantizeResult } from '../../src-main/contract/results.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { snug } from '../support/killing.ts';
import { sampleModel } from '../support/paths.ts';

const folder = temporaryFolder();
const home = path.join(folder, 'home');
const output = path.join(folder, 'small.gguf');
const quick = ['--importance', 'off', '--windows', '2', '--window', '128', '--threads', '2', '--no-prove'];

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await snug(home, args).ended;
  expect(code, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

async function error(...args: string[]): Promise<{ code: string; message: string; exit: number | null }> {
  const { code: exit, stdout } = await snug(home, args).ended;
  return { ...(JSON.parse(stdout) as { error: { code: string; message: string } }).error, exit };
}

describe('snug history', () => {
  let made: QuantizeResult;
  let clone: QuantizeResult;

  beforeAll(async () => {
    made = await json<QuantizeResult>('quantize', sampleModel, '--type', 'Q4_0', ...quick, '--output', output);
    clone = await json<QuantizeResult>(
      ...['history', 'clone', made.run, '--set', 'type=Q8_0', '--set', `output=${path.join(folder, 'large.gguf')}`],
    );
  }, 240_000);

  it('lists what was run, newest first, with figures and files', async () => {
    const { experiments, total } = await json<ExperimentList>('history');
    expect(total).toBe(2);
    expect(experiments.map(({ run }) => run)).toEqual([clone.run, made.run]);
    expect(experiments[1]).toMatchObject({
      ...{ verb: 'quantize', model: sampleModel, method: 'quantize', state: 'done' },
      metrics: { kld: made.quality!.kld!.mean },
      artifacts: [{ path: output, bytes: made.fileBytes, sha256: made.sha256, present: true }],
    });
  });

  it('clones a run with changes', async () => {
    expect(clone.tensorTypes).toHaveProperty('Q8_0');
    const detail = await json<ExperimentDetail>('history', 'show', clone.run);
    expect(detail).toMatchObject({ clonedFrom: made.run, recipe: { type: 'Q8_0' } });
    const wrong = await error('history', 'clone', made.run, '--set', 'colour=red');
    expect(wrong).toMatchObject({ code: 'USAGE', exit: 2, message: expect.stringContaining('calibration') });
    const invalid = await error('history', 'clone', made.run, '--set', 'calibration.samples=-1');
    expect(invalid).toMatchObject({ code: 'USAGE', exit: 2 });
  });

  it('compares runs: settings that differ, figures side by side', async () => {
    const compared = await json<Comparison>('history', 'compare', made.run, clone.run);
    const settings = Object.fromEntries(compared.differences.map(({ setting, values }) => [setting, values]));
    expect(settings).toEqual({ type: ['Q4_0', 'Q8_0'], output: [output, path.join(folder, 'large.gguf')] });
    const kld = compared.metrics.find(({ name }) => name === 'kld')!.values;
    expect(kld.map((value) => value!.value)).toEqual([made.quality!.kld!.mean, clone.quality!.kld!.mean]);
  });

  it('tags, notes and finds', async () => {
    await json<Experiment>('history', 'tag', made.run, 'laptop');
    await json<Experiment>('history', 'note', made.run, 'Good enough for the train');
    const found = async (...filter: string[]): Promise<string[]> =>
      (await json<ExperimentList>('history', 'list', ...filter)).experiments.map(({ run }) => run);
    expect(await found('--tag', 'laptop')).toEqual([made.run]);
    expect(await found('--search', 'TRAIN')).toEqual([made.run]);
    expect(await found('--state', 'failed')).toEqual([]);
    await json<Experiment>('history', 'tag', made.run, 'laptop', '--remove');
    expect(await found('--tag', 'laptop')).toEqual([]);
  });

  it('exports CSV that other programs read', async () => {
    const { experiments } = await json<{ experiments: Experiment[] }>('history', 'export', '--format', 'csv');
    expect(experiments).toHaveLength(2);
  });

  it('reads a path that is set in a clone from where the user is, and deletes no file elsewhere', async () => {
    const [here, elsewhere] = [path.join(folder, 'here'), path.join(folder, 'elsewhere')];
    for (const place of [here, elsewhere]) mkdirSync(place);
    const cloned = snug(home, ['history', 'clone', made.run, '--set', 'output=own.gguf'], here);
    const own = JSON.parse((await cloned.ended).stdout) as QuantizeResult;
    expect(own.output).toBe(path.join(here, 'own.gguf'));
    const [theirs, bytes] = [path.join(elsewhere, 'own.gguf'), readFileSync(own.output)];
    writeFileSync(theirs, bytes);
    // Of the same size, but not what the run made.
    writeFileSync(own.output, Buffer.alloc(bytes.length));
    const remove = async (): Promise<DeletedFiles> => {
      const { stdout } = await snug(home, ['history', 'delete-files', own.run], elsewhere).ended;
      return JSON.parse(stdout) as DeletedFiles;
    };
    expect(await remove()).toMatchObject({ deleted: [], kept: [{ reason: expect.stringContaining('other bytes') }] });
    writeFileSync(own.output, bytes);
    expect(await remove()).toMatchObject({ deleted: [{ path: own.output }], kept: [] });
    expect([existsSync(own.output), readFileSync(theirs).equals(bytes)]).toEqual([false, true]);
  });

  it('deletes files and keeps the record', async () => {
    const deleted = await json<DeletedFiles>('history', 'delete-files', clone.run);
    expect(deleted.deleted.map(({ path: file }) => file)).toEqual([clone.output]);
    expect(existsSync(clone.output)).toBe(false);
    expect(existsSync(`${clone.output}.recipe.json`)).toBe(false);
    const detail = await json<ExperimentDetail>('history', 'show', clone.run);
    expect(detail.artifacts).toMatchObject([{ present: false, sha256: clone.sha256 }]);
    expect(readFileSync(output).length).toBe(made.fileBytes);
  });

  it('says what is wrong with a request', async () => {
    expect(await error('history', 'show', 'nothing')).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(await error('history', 'compare', made.run)).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(await error('history', 'list', '--set', 'a=b')).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(await error('history', 'list', '--limit', '0')).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(await error('resume', made.run)).toMatchObject({ code: 'USAGE', message: expect.stringContaining('done') });
    expect(await json<ExperimentList>('resume')).toEqual({ experiments: [], total: 0 });
  });
});
