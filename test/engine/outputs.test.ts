// What may and may not happen to files: inputs are never lost, outputs are whole or not there, left-overs are swept.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { processTag } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { sweepJobFolders } from '../../src-main/engine/jobs/job-folder.ts';
import { errorOf, madeIn, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

/** Of a process whose start is not known. */
const tagOf = (pid: number): string => processTag({ pid, startTime: null });

const bare = { threads: 1, importance: 'off', evaluate: false, prove: false };
const quantize = (model: string, output: string, more: object = {}) => ({
  verb: 'quantize',
  model,
  output,
  type: 'Q8_0',
  ...bare,
  ...more,
});

describe('inputs', () => {
  it('are not overwritten through a link, even with force', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'model.gguf');
    await copyFile(sampleModel, model);
    const bytes = readFileSync(model);
    linkSync(model, path.join(folder, 'hard.gguf'));
    symlinkSync(model, path.join(folder, 'soft.gguf'));
    symlinkSync(folder, path.join(folder, 'folder'));
    for (const output of ['hard.gguf', 'soft.gguf', 'folder/model.gguf']) {
      const error = errorOf(await engine.run(quantize(model, path.join(folder, output), { force: true })));
      expect(error.code, output).toBe('USAGE');
    }
    const importance = path.join(folder, 'importance.gguf');
    resultOf(await engine.run({ verb: 'calibrate', model, output: importance, ...quick }), 'calibrate');
    expect(errorOf(await engine.run(quantize(model, importance, { importance, force: true }))).code).toBe('USAGE');
    expect(readFileSync(model).equals(bytes)).toBe(true);
  });
});

describe('an output that is there already', () => {
  it('outlives a forced calibration that fails', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const [output, text] = [path.join(folder, 'importance.gguf'), path.join(folder, 'short.txt')];
    writeFileSync(output, 'old');
    writeFileSync(text, 'Too short.');
    errorOf(
      await engine.run({ verb: 'calibrate', model: sampleModel, output, force: true, calibration: { texts: [text] } }),
    );
    expect(readFileSync(output, 'utf8')).toBe('old');
  });

  it('may be a link to nowhere or a folder: neither is taken over', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    symlinkSync(path.join(folder, 'nowhere'), path.join(folder, 'dangling.gguf'));
    expect(errorOf(await engine.run(quantize(sampleModel, path.join(folder, 'dangling.gguf')))).code).toBe(
      'OUTPUT_EXISTS',
    );
    mkdirSync(path.join(folder, 'folder.gguf'));
    expect(
      errorOf(await engine.run(quantize(sampleModel, path.join(folder, 'folder.gguf'), { force: true }))).code,
    ).toBe('OUTPUT_EXISTS');
  });
});

describe('left-overs', () => {
  it('of dead processes go with the next run, those of living ones stop it', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const dead = spawnSync('true').pid;
    for (const name of [
      'out.gguf.PID.part',
      'out.gguf.candidate-2.PID.part',
      'out.gguf.1-2-0123abcd.part.PID.part',
      'other.gguf.PID.part',
    ]) {
      writeFileSync(path.join(folder, name.replace('PID', tagOf(dead))), 'half');
    }
    resultOf(await engine.run(quantize(sampleModel, path.join(folder, 'out.gguf'))), 'quantize');
    expect(madeIn(folder)).toEqual([`other.gguf.${tagOf(dead)}.part`, 'out.gguf']);
    writeFileSync(path.join(folder, `busy.gguf.candidate-1.${tagOf(1)}.part`), 'half'); // process 1 is always there
    expect(errorOf(await engine.run(quantize(sampleModel, path.join(folder, 'busy.gguf')))).code).toBe('OUTPUT_EXISTS');
  });

  it('are not what is only named like them', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const names = ['out.gguf.2024.part', 'out.gguf.2024.previous', 'out.gguf.claim.2024-11-29.part'];
    for (const name of names) writeFileSync(path.join(folder, name), 'mine');
    resultOf(await engine.run(quantize(sampleModel, path.join(folder, 'out.gguf'))), 'quantize');
    expect(madeIn(folder)).toEqual(['out.gguf', ...names].toSorted());
  });
});

describe('the record beside an output', () => {
  it('never takes the place of a file that is none, which outlives the deletion too', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const notes = `${output}.recipe.json`;
    writeFileSync(notes, 'my notes');
    const { run, warnings } = resultOf(await engine.run(quantize(sampleModel, output, { force: true })), 'quantize');
    expect(warnings).toEqual([expect.stringContaining(`${notes} is there already and is no record of a run`)]);
    await engine.call['history.deleteFiles']({ run }, {} as never);
    expect(existsSync(output)).toBe(false);
    expect(readFileSync(notes, 'utf8')).toBe('my notes');
  });

  it('takes the place of another record, and is deleted only with its own run', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const record = `${output}.recipe.json`;
    const runIn = (file: string): unknown => (JSON.parse(readFileSync(file, 'utf8')) as { run: string }).run;
    const first = resultOf(await engine.run(quantize(sampleModel, output)), 'quantize');
    expect(runIn(record)).toBe(first.run);
    const second = resultOf(await engine.run(quantize(sampleModel, output, { force: true })), 'quantize');
    expect([runIn(record), second.warnings]).toEqual([second.run, []]);
    writeFileSync(record, readFileSync(record, 'utf8').replaceAll(second.run, first.run));
    await engine.call['history.deleteFiles']({ run: second.run }, {} as never);
    expect([existsSync(output), runIn(record)]).toEqual([false, first.run]);
  });
});

const disk = '/tmp/snug-read-only';
describe.skipIf(!canMount())('a disk that cannot be written', () => {
  it('is refused before any work', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', disk]);
    onTestFinished(() => void spawnSync('umount', [disk]));
    const engine = await startEngine();
    expect(errorOf(await engine.run(quantize(sampleModel, path.join(disk, 'out.gguf')))).code).toBe('NOT_WRITABLE');
  });

  it('keeps what dead processes left in the user data, and no engine from its start', async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', disk]);
    onTestFinished(() => void spawnSync('umount', [disk]));
    const left = path.join(disk, 'jobs/aaaaaaaaaaaa', `scratch.${tagOf(spawnSync('true').pid)}`);
    mkdirSync(path.join(left, 'x'), { recursive: true });
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    expect(await sweepJobFolders(disk)).toEqual([{ path: left, message: expect.stringContaining('EROFS') as string }]);
    const engine = await startEngine({ home: disk });
    expect((await engine.call['jobs.list']({}, {} as never)).jobs).toEqual([]);
    expect(existsSync(left)).toBe(true);
  });

  it('costs no run its result where it cannot be cleared afterwards', async () => {
    const home = temporaryFolder();
    const first = await startEngine({ home });
    const { id } = await first.run(quantize(sampleModel, path.join(temporaryFolder(), 'out.gguf')));
    await first.close();
    const catalog = await Catalog.open(home);
    catalog.experiments.update(id, { state: 'interrupted' });
    catalog.close();
    const held = path.join(home, 'jobs', id, 'checkpoints');
    mkdirSync(held);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', held]);
    onTestFinished(() => void spawnSync('umount', [held]));
    const engine = await startEngine({ home });
    await engine.call['jobs.resume']({ id }, {} as never);
    const { warnings } = resultOf(await engine.ended(id), 'quantize');
    expect(warnings.at(-1)).toContain(`${held} no more, and it could not be removed: EBUSY`);
  });

  it('costs the history but not the run where it holds the user data', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', disk]);
    onTestFinished(() => void spawnSync('umount', [disk]));
    const engine = await startEngine({ home: path.join(disk, 'home') });
    const output = path.join(temporaryFolder(), 'out.gguf');
    const result = resultOf(await engine.run(quantize(sampleModel, output)), 'quantize');
    expect(result.warnings.join()).toMatch(/not kept in the history/);
    expect(result.warnings.join()).toMatch(/Another Snug may have computed at the same time/);
    expect(existsSync(output)).toBe(true);
  });
});

function canMount(): boolean {
  mkdirSync(disk, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', disk]).status === 0;
  if (mounted) spawnSync('umount', [disk]);
  return mounted;
}

describe('what a file says of itself', () => {
  it.each([
    ['IQ3_S', 26],
    ['Q3_K', 11],
    ['Q4_K', 14],
    ['Q5_0', 8],
  ])('one type on all tensors: %s is file type %i', async (type, fileType) => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    resultOf(await engine.run(quantize(sampleModel, output, { type, pure: true })), 'quantize');
    const made = await openGguf(output);
    expect(made.metadata.integer('general.file_type')).toBe(fileType);
    await made.close();
  });
});

describe('a proof', () => {
  it('has its positions on short windows too', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const evaluation = { windows: 6, window: 32 };
    const { proof } = resultOf(
      await engine.run(quantize(sampleModel, output, { evaluate: true, prove: true, evaluation })),
      'quantize',
    );
    expect(proof).toMatchObject({ passed: true, positions: 8 });
  });
});

describe('rows of token ids', () => {
  it('with ids beyond the vocabulary are refused with row and index', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const text = path.join(folder, 'rows.tokens.json');
    writeFileSync(
      text,
      JSON.stringify({
        input_ids: [
          [1, 2, 3, 4],
          [5, 6, 4096, 7],
        ],
      }),
    );
    const error = errorOf(await engine.run({ verb: 'evaluate', model: sampleModel, evaluation: { text } }));
    expect(error.code).toBe('FILE_MALFORMED');
    expect(error.message).toContain('row 1, index 2');
  });
});
