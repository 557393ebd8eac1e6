// snug runners and snug export as processes of their own, on a home of their own: from a run to a runner and out again.
import { copyFileSync, existsSync, mkdirSync, readlinkSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DeletedFiles, ExperimentDetail } from '../../src-main/contract/history.ts';
import type { QuantizeResult } from '../../src-main/contract/results.ts';
import type { ExportResult, RunnerList, UndoResult } from '../../src-main/contract/runners.ts';
import { sampleModel } from '../support/paths.ts';
import { filesBelow, textOf } from '../support/runners.ts';
import { snugIn, type Ended } from '../support/snug-process.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { snug } from './run.ts';

const folder = temporaryFolder();
const home = path.join(folder, 'home');
const models = path.join(home, '.lmstudio/models');
const call = snugIn(folder, path.join(folder, 'data'), { HOME: home, USERPROFILE: home, XDG_DATA_HOME: '' });

async function json<T>(...args: string[]): Promise<T> {
  const ended = await call(args);
  expect(ended.code, ended.stderr + JSON.stringify(ended.value)).toBe(0);
  return ended.value as T;
}

const refused = async (...args: string[]): Promise<Ended & { value: { error: { code: string; message: string } } }> =>
  (await call(args)) as never;

let made: QuantizeResult;

beforeAll(async () => {
  mkdirSync(models, { recursive: true });
  const options = ['--type', 'Q8_0', '--importance', 'off', '--no-evaluate', '--no-prove', '--threads', '1'];
  made = await json('quantize', sampleModel, '--output', 'small.gguf', ...options);
});

describe('snug runners', () => {
  it('lists what is there, with its folder', async () => {
    const { runners } = await json<RunnerList>('runners');
    expect(runners.find(({ runner }) => runner === 'lm-studio')).toMatchObject({ found: true, folder: models });
    expect(runners).toHaveLength(6);
  });
});

describe('snug export', () => {
  it('places a run with its card and recipe, which the history tells', async () => {
    const result = await json<ExportResult>('export', made.run, '--to', 'lm-studio', '--link', 'hard');
    const own = path.join(models, 'snug/small');
    expect(result.run).toBe(made.run);
    expect(filesBelow(own)).toEqual(['README.md', 'small.gguf', 'small.gguf.recipe.json']);
    expect(statSync(path.join(own, 'small.gguf')).ino).toBe(statSync(made.output).ino);
    expect(textOf(own, 'README.md')).toContain(made.sha256);
    expect(JSON.parse(textOf(own, 'small.gguf.recipe.json'))).toMatchObject({
      run: made.run,
      recipe: { type: 'Q8_0' },
    });
    const { installs } = await json<ExperimentDetail>('history', 'show', made.run);
    expect(installs).toMatchObject([{ target: 'lm-studio', undone: null, placed: result.placed }]);
  });

  it('takes a path of a file too, and any folder', async () => {
    const target = path.join(folder, 'shelf');
    await json<ExportResult>('export', 'small.gguf', '--to', './shelf', '--link', 'symbolic');
    expect(readlinkSync(path.join(target, 'small.gguf'))).toBe(made.output);
  });

  it('undoes one target, and is asked again in vain', async () => {
    const { undone } = await json<UndoResult>('export', 'small.gguf', '--undo', '--to', './shelf');
    expect(undone.map(({ target }) => target)).toEqual([path.join(folder, 'shelf')]);
    expect(existsSync(path.join(folder, 'shelf'))).toBe(false);
    const again = await refused('export', 'small.gguf', '--undo', '--to', './shelf');
    expect([again.code, again.value.error.code]).toEqual([2, 'USAGE']);
  });

  it('does not take another file for what a run made, nor its record for that of the file', async () => {
    const other = path.join(folder, 'other.gguf');
    copyFileSync(sampleModel, other);
    copyFileSync(`${made.output}.recipe.json`, `${other}.recipe.json`);
    const result = await json<ExportResult>('export', 'other.gguf', '--to', './others');
    expect(result.run).toBeNull();
    expect(filesBelow(path.join(folder, 'others'))).toEqual(['README.md', 'other.gguf']);
    renameSync(made.output, `${made.output}.kept`);
    copyFileSync(sampleModel, made.output);
    const { value } = await refused('export', made.run, '--to', './others');
    renameSync(`${made.output}.kept`, made.output);
    expect(value.error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('another file') as string });
  });

  it('is told of by delete-files, which leaves the bytes of a hard link on the disk', async () => {
    const deleted = await json<DeletedFiles>('history', 'delete-files', made.run);
    const file = path.join(models, 'snug/small/small.gguf');
    expect(deleted.linked).toEqual([{ path: file, target: 'lm-studio', how: 'hard' }]);
    expect(existsSync(file)).toBe(true);
    const undone = await refused('export', made.run, '--undo');
    expect(undone.code).toBe(1);
    expect(undone.value).toMatchObject({ undone: [{ left: [{ path: file }] }] });
    const gone = await refused('export', made.run, '--to', 'lm-studio');
    expect(gone.value.error).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('is gone') as string,
    });
  });
});

describe('snug export, as it is written', () => {
  it.each([
    ['export', 'RUN or FILE is missing'],
    ['export m.gguf', '--to is missing'],
    ['export m.gguf n.gguf --to jan', 'one argument too many'],
    ['export m.gguf --to olama', 'Did you mean ollama?'],
    ['export m.gguf --undo --link copy', '--link means nothing with --undo'],
    ['export m.gguf --to jan --link soft', '--link takes hard, symbolic or copy'],
  ])('%s', async (line, problem) => {
    const run = await snug(line);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(problem);
    expect(run.engineStarts).toBe(0);
  });
});
