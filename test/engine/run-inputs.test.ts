// What a run that is taken up again finds of its inputs: the same content, another, or something that cannot be told.
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import type { JobFolder } from '../../src-main/engine/jobs/job-folder.ts';
import { checkInputs, keepChecksums, type RunInputs } from '../../src-main/engine/jobs/run-inputs.ts';
import { temporaryFolder } from '../support/engine.ts';

const { signal } = new AbortController();

interface Run {
  /** Larger than what is hashed at once. */
  large: string;
  texts: string;
  /** Of an earlier attempt. */
  finished: string;
  folder: JobFolder;
  resume: () => Promise<RunInputs>;
}

/** A run that was begun on a large and on small files and finished something. */
async function begun({ keeps }: { keeps: boolean }): Promise<Run> {
  const home = temporaryFolder();
  const [large, texts] = [path.join(home, 'large.jsonl'), path.join(home, 'texts')];
  const [outputNote, log] = [path.join(home, 'output.json'), path.join(home, 'log')];
  const folder = { checkpoints: path.join(home, 'checkpoints'), scratch: home, outputNote, log };
  writeFileSync(large, '');
  truncateSync(large, 2 ** 26 + 1);
  mkdirSync(texts);
  writeFileSync(path.join(texts, 'a.txt'), 'first');
  const recipe = recipeSchema.parse({
    ...{ verb: 'evaluate', model: path.join(home, 'none.gguf'), tasks: [large] },
    evaluation: { text: texts },
  });
  const check = (isResumed: boolean): Promise<RunInputs> =>
    checkInputs(folder, recipe, { isResumed, signal, report: () => {} });
  const { files } = await check(false);
  if (keeps) await keepChecksums(folder, files, signal, 0);
  const finished = path.join(folder.checkpoints, 'evaluate-0.json');
  writeFileSync(finished, '{}');
  return { large, texts, finished, folder, resume: () => check(true) };
}

/** Changes a few bytes between the pieces that are sampled, and sets the time back. */
function changeUnseen(file: string): void {
  const { atime, mtime, size } = statSync(file);
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(2000, 1), 0, 2000, Math.floor(size / 30));
  closeSync(handle);
  utimesSync(file, atime, mtime);
}

const changedFiles = (what: string): object => ({
  code: 'INPUTS_CHANGED',
  details: { changes: [expect.stringContaining(what)] },
});

describe('a run that is taken up again', () => {
  it('goes on with files that nobody touched, read whole or not', async () => {
    for (const keeps of [true, false]) {
      const { resume, finished } = await begun({ keeps });
      expect(await resume()).toMatchObject({ startedOver: null });
      expect(existsSync(finished)).toBe(true);
    }
  });

  it('goes on with a large file that was only touched', async () => {
    const { resume, large, finished } = await begun({ keeps: true });
    utimesSync(large, new Date(0), new Date(0));
    for (let again = 0; again < 2; again++) expect(await resume()).toMatchObject({ startedOver: null });
    expect(existsSync(finished)).toBe(true);
  });

  it.each(['in place', 'by another file'])('is refused where bytes were changed %s under the old time', async (how) => {
    const { resume, large } = await begun({ keeps: true });
    if (how === 'in place') changeUnseen(large);
    else {
      const { atime, mtime } = statSync(large);
      writeFileSync(`${large}.new`, readFileSync(large).fill(1, 2 ** 22, 2 ** 22 + 100));
      renameSync(`${large}.new`, large);
      utimesSync(large, atime, mtime);
    }
    await expect(resume()).rejects.toMatchObject(changedFiles(`the content of ${large} was changed`));
  });

  it('starts over where a touched file had not been read whole', async () => {
    const { resume, large, finished } = await begun({ keeps: false });
    changeUnseen(large);
    expect((await resume()).startedOver).toContain(`${large} was touched`);
    expect(existsSync(finished)).toBe(false);
    expect(await resume()).toMatchObject({ startedOver: null });
  });

  it('is refused where a text of a folder was changed or added', async () => {
    const { resume, texts } = await begun({ keeps: true });
    changeUnseen(path.join(texts, 'a.txt'));
    await expect(resume()).rejects.toMatchObject(changedFiles('a.txt'));
    writeFileSync(path.join(texts, 'a.txt'), 'first');
    writeFileSync(path.join(texts, 'b.txt'), 'second');
    await expect(resume()).rejects.toMatchObject(changedFiles('b.txt was added'));
  });

  it.each([
    ['torn', (file: string) => truncateSync(file)],
    ['damaged', (file: string) => appendFileSync(file, '}')],
    ['gone', (file: string) => renameSync(file, `${file}.gone`)],
  ])('starts over, and says so once, where the record of its inputs is %s', async (_how, damage) => {
    const { resume, folder, finished } = await begun({ keeps: true });
    damage(path.join(folder.checkpoints, 'inputs.json'));
    expect((await resume()).startedOver).toContain('damaged');
    expect(existsSync(finished)).toBe(false);
    expect(await resume()).toMatchObject({ startedOver: null });
  });
});
