// What may and may not happen to files: inputs are never lost, outputs are whole or not there, left-overs are swept.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { errorOf, madeIn, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

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
      'out.gguf.1.part.PID.part',
      'other.gguf.PID.part',
    ]) {
      writeFileSync(path.join(folder, name.replace('PID', String(dead))), 'half');
    }
    resultOf(await engine.run(quantize(sampleModel, path.join(folder, 'out.gguf'))), 'quantize');
    expect(madeIn(folder)).toEqual([`other.gguf.${dead}.part`, 'out.gguf']);
    writeFileSync(path.join(folder, 'busy.gguf.candidate-1.1.part'), 'half'); // process 1 is always there
    expect(errorOf(await engine.run(quantize(sampleModel, path.join(folder, 'busy.gguf')))).code).toBe('OUTPUT_EXISTS');
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

  it('costs the history but not the run where it holds the user data', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', disk]);
    onTestFinished(() => void spawnSync('umount', [disk]));
    const engine = await startEngine({ home: path.join(disk, 'home') });
    const output = path.join(temporaryFolder(), 'out.gguf');
    const result = resultOf(await engine.run(quantize(sampleModel, output)), 'quantize');
    expect(result.warnings.join()).toMatch(/not kept in the history/);
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
