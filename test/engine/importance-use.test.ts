// Importance is measured where a file depends on it, and nowhere else.
import path from 'node:path';
import { expect, it } from 'vitest';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { fixtures, sampleModel } from '../support/paths.ts';

const context = { signal: new AbortController().signal, progress: () => {} } as never;
const floats = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');
const bare = { ...quick, evaluate: false, prove: false };

it.each([
  ['BF16', false, false],
  ['F32', true, false],
  ['Q4_0', false, true],
])('quantize to %s (pure: %s) measures importance: %s', async (type, pure, isMeasured) => {
  const [engine, folder] = [await startEngine(), temporaryFolder()];
  const quantize = { verb: 'quantize', model: sampleModel, type, pure, ...bare };
  const recipe = { ...quantize, output: path.join(folder, 'on.gguf') };
  const { stages } = await engine.call['jobs.preflight']({ recipe: recipeSchema.parse(recipe) }, context);
  const made = resultOf(await engine.run(recipe), 'quantize');
  expect('calibrate' in stages).toBe(isMeasured);
  expect('calibrate' in made.stages).toBe(isMeasured);
  expect(made.calibration !== null).toBe(isMeasured);
  const off = { ...quantize, output: path.join(folder, 'off.gguf'), importance: 'off' };
  expect(resultOf(await engine.run(off), 'quantize').sha256 === made.sha256).toBe(!isMeasured);
});

it.each([
  ['bf16', false],
  ['q4_0', true],
])('fit to the plan %s measures importance: %s', async (plan, isMeasured) => {
  const engine = await startEngine();
  const output = path.join(temporaryFolder(), 'out.gguf');
  const target = { kind: 'file', bytes: 1e6 };
  const made = resultOf(await engine.run({ verb: 'fit', model: floats, output, target, plan, ...bare }), 'fit');
  expect(made.calibration !== null).toBe(isMeasured);
  expect('calibrate' in made.seconds).toBe(isMeasured);
});
