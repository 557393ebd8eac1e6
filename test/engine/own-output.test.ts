// A run that is killed after its output has its name and before its end is in the history: taken up again, it makes the
// output once more and is done, and nobody else's file goes for it.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { hasNamedOutput, isNoted } from '../../src-main/engine/jobs/own-output.ts';
import { publishAnew } from '../../src-main/engine/jobs/publish.ts';
import { startEngine, temporaryFolder, type TestEngine } from '../support/engine.ts';
import { bytesOf } from '../support/killing.ts';
import { sampleModel } from '../support/paths.ts';
import { study } from '../support/studies.ts';

/** The run as a kill just before the last word on it leaves it. */
async function forgetEnd(home: string, run: string): Promise<void> {
  const catalog = await Catalog.open(home);
  catalog.experiments.update(run, { state: 'interrupted' });
  catalog.close();
}

async function resumed(home: string, id: string): Promise<{ state: string; error?: unknown }> {
  const engine: TestEngine = await startEngine({ home });
  await engine.call['jobs.resume']({ id }, {} as never);
  const { job } = await engine.ended(id);
  await engine.close();
  return job;
}

/** Changes the first byte; size and time of the last change are as before. */
function editUnseen(file: string): void {
  const before = `${file}.before`;
  writeFileSync(before, '');
  spawnSync('touch', ['-r', file, before]);
  const handle = openSync(file, 'r+');
  writeSync(handle, '!', 0);
  closeSync(handle);
  spawnSync('touch', ['-r', before, file]);
  rmSync(before);
}

const small = { calibration: { samples: 2, length: 64 }, evaluate: false, prove: false };

describe.each([
  { form: 'a file', output: 'made.gguf', recipe: { verb: 'quantize', type: 'Q8_0', importance: 'off' } },
  { form: 'a folder', output: 'made', recipe: { verb: 'slice', method: 'per-block', sparsity: 0.25 } },
  { form: 'an ONNX model', output: 'made.onnx', recipe: { verb: 'slice', method: 'per-block', sparsity: 0.25 } },
  { form: 'an imatrix', output: 'made.imatrix.gguf', recipe: { verb: 'calibrate' } },
])('the output of a run: $form', ({ output: name, recipe }) => {
  it('is made once more by the same run, and is not taken from anybody else', async () => {
    const [home, folder] = [temporaryFolder(), temporaryFolder()];
    const output = path.join(folder, name);
    const engine = await startEngine({ home });
    const { id, job } = await engine.run({ ...small, ...recipe, model: sampleModel, output });
    await engine.close();
    expect(job.state, JSON.stringify(job)).toBe('done');
    const bytes = bytesOf(output);
    await forgetEnd(home, id);
    expect(await resumed(home, id)).toMatchObject({ state: 'done' });
    expect(bytesOf(output)).toBe(bytes);
    await forgetEnd(home, id);
    const edited = name === 'made' ? path.join(output, 'config.json') : output;
    editUnseen(edited);
    expect(await resumed(home, id)).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_EXISTS' } });
    expect(readFileSync(edited, 'latin1')[0]).toBe('!');
    await forgetEnd(home, id);
    renameSync(output, `${output}.kept`);
    writeFileSync(output, 'mine');
    expect(await resumed(home, id)).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_EXISTS' } });
    expect(readFileSync(output, 'utf8')).toBe('mine');
  });
});

it('the rows of a study go for those of the same run alone', async () => {
  const [home, output] = [temporaryFolder(), path.join(temporaryFolder(), 'rows.json')];
  const engine = await startEngine({ home });
  // Made again, rows have other times.
  const recipe = study('sparsity', { method: 'shared', values: ['0.25'], again: true, output });
  const { id, job } = await engine.run(recipe);
  await engine.close();
  expect(job.state, JSON.stringify(job)).toBe('done');
  const first = readFileSync(output, 'utf8');
  await forgetEnd(home, id);
  expect(await resumed(home, id)).toMatchObject({ state: 'done' });
  const second = readFileSync(output, 'utf8');
  expect(second).not.toBe(first);
  expect(second.split('\n')).toHaveLength(first.split('\n').length);
  await forgetEnd(home, id);
  editUnseen(output);
  expect(await resumed(home, id)).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_EXISTS' } });
  expect(readFileSync(output, 'utf8')).toBe(`!${second.slice(1)}`);
});

it('a note of before checksums were noted knows its output, and none by a checksum', async () => {
  const folder = temporaryFolder();
  const [made, output, note] = ['made', 'm.json', 'note'].map((one) => path.join(folder, one)) as [
    string,
    string,
    string,
  ];
  writeFileSync(made, 'rows');
  await publishAnew(made, { output, force: false }, { note, isNamed: false });
  const { stamps } = JSON.parse(readFileSync(note, 'utf8')) as { stamps: string[] };
  writeFileSync(note, JSON.stringify(stamps));
  const recipe = recipeSchema.parse({ verb: 'slice', model: 'm', sparsity: 0.25, output });
  expect([await hasNamedOutput(note, recipe), await isNoted(note, output)]).toEqual([true, false]);
  writeFileSync(output, 'mine, of others');
  expect(await hasNamedOutput(note, recipe)).toBe(false);
});

describe('a process that is killed between two steps of giving an output its name', () => {
  const program = fileURLToPath(import.meta.resolve('../support/publish-and-die.ts'));
  const named = (output: string) => recipeSchema.parse({ verb: 'slice', model: 'm', sparsity: 0.25, output });

  it.each([
    ['publish', 'made', 'm.gguf'],
    ['publishAnew', 'made', 'm.json'],
    ['publishFolder', 'folder', 'm'],
    ['publishOnnx', 'onnx', 'm.onnx'],
  ] as const)('%s: what has a name then is known as its own', async (name, made, target) => {
    let owned = 0;
    for (let steps = 0; ; steps++) {
      const folder = temporaryFolder();
      writeFileSync(path.join(folder, 'made'), 'new');
      for (const inside of ['folder', 'onnx']) mkdirSync(path.join(folder, inside));
      writeFileSync(path.join(folder, 'folder/slicing.json'), 'new');
      for (const file of ['m.onnx', 'm.onnx.data']) writeFileSync(path.join(folder, 'onnx', file), 'new');
      const [from, output, note] = [made, target, 'note'].map((one) => path.join(folder, one)) as [
        string,
        string,
        string,
      ];
      const { signal } = spawnSync(process.execPath, [
        program,
        String(steps),
        name,
        from,
        output,
        note,
        'without force',
      ]);
      const hasName = [output, `${output}.data`].some((file) => existsSync(file));
      expect(await hasNamedOutput(note, named(output)), `step ${steps}`).toBe(hasName);
      owned += Number(hasName);
      if (signal !== 'SIGKILL') break;
    }
    expect(owned).toBeGreaterThan(0);
  });

  it('while it replaces what an attempt before it made: whichever has the name then is its own', async () => {
    for (let steps = 0; ; steps++) {
      const folder = temporaryFolder();
      const [made, output, note] = ['made', 'm.json', 'note'].map((one) => path.join(folder, one)) as [
        string,
        string,
        string,
      ];
      writeFileSync(made, 'first');
      await publishAnew(made, { output, force: false }, { note, isNamed: false });
      writeFileSync(made, 'second');
      const died = spawnSync(process.execPath, [program, String(steps), 'publishAnew', made, output, note, 'taken up']);
      expect(await hasNamedOutput(note, named(output)), `step ${steps}`).toBe(true);
      if (died.signal === 'SIGKILL') continue;
      expect(died.status, String(died.stderr)).toBe(0);
      expect(readFileSync(output, 'utf8')).toBe('second');
      expect(steps).toBeGreaterThan(1);
      break;
    }
  });
});
