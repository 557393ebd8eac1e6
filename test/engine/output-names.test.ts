// Names that a system cannot have, told without that system.
import { describe, expect, it } from 'vitest';
import { formOfName, nameProblem, outputForm } from '../../src-main/engine/jobs/output-names.ts';
import { errorOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

describe('a name', () => {
  it.each([
    ...['con', 'CON.gguf', 'nul.onnx', 'aux', 'Prn.v2', 'com1.gguf', 'LPT9', 'com².gguf', 'CONOUT$', 'nul .gguf'],
    ...['a:b', 'a:b.gguf', 'what?', 'a*', '"a"', '<a>', 'a|b', 'a\\b', 'a\tb', 'model.', 'model ', 'model.gguf. '],
  ])('that only Windows refuses: %j', (name) => {
    expect(nameProblem(name, 'win32')).toMatch(/Windows/);
    expect(nameProblem(name, 'linux')).toBeNull();
    expect(nameProblem(name, 'darwin')).toBeNull();
  });

  it.each(['', '.', '..', 'a/b', 'a\0b'])('that no system has: %j', (name) => {
    for (const platform of ['win32', 'linux', 'darwin'] as const) expect(nameProblem(name, platform)).not.toBeNull();
  });

  it.each([
    'model.gguf',
    'console',
    'com10',
    'com.gguf',
    'null.gguf',
    'a.con',
    '.hidden',
    'Größe 7.gguf',
    "it's",
    '模型',
  ])('that every system has: %j', (name) => {
    for (const platform of ['win32', 'linux', 'darwin'] as const) expect(nameProblem(name, platform)).toBeNull();
  });

  it('is counted in bytes on Linux and in characters elsewhere', () => {
    expect(nameProblem('模'.repeat(60), 'linux')).toMatch(/longer/);
    expect(nameProblem('模'.repeat(60), 'win32')).toBeNull();
    expect(nameProblem('m'.repeat(300), 'darwin')).toMatch(/longer/);
  });
});

it.each([
  ['model.gguf', 'gguf'],
  ['Model.ONNX', 'onnx'],
  ['model', 'safetensors'],
  ['model.v2', 'safetensors'],
  ['model.safetensors', null],
  ['rows.csv', null],
  ['rows.json', null],
  ['model.bin', null],
])('%s asks for the form %s', (name, form) => {
  expect(formOfName(name)).toBe(form);
  if (form === null) expect(() => outputForm(name)).toThrow(name);
  else expect(outputForm(name)).toBe(form);
});

it('a run refuses a name that its parts could not have, and takes the longest that they can', async () => {
  const engine = await startEngine();
  const folder = temporaryFolder();
  const recipe = (length: number): object => ({
    ...{ verb: 'quantize', model: sampleModel, type: 'Q8_0', threads: 1 },
    ...{ importance: 'off', evaluate: false, prove: false, output: `${folder}/${'m'.repeat(length - 5)}.gguf` },
  });
  expect(errorOf(await engine.run(recipe(200)))).toMatchObject({ code: 'USAGE' });
  expect(await engine.run(recipe(157))).toMatchObject({ job: { state: 'done' } });
});
