// Paths of recipes: the engine takes absolute ones only, since relative ones would be read against its own folder.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { withPaths } from '../../src-main/contract/recipe-paths.ts';
import { refuseRelativePaths } from '../../src-main/engine/jobs/recipe-paths.ts';
import { errorOf, startEngine } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

const target = { kind: 'file', bytes: 9e6 };

describe('the engine', () => {
  it.each([
    ['output', { verb: 'quantize', model: sampleModel, type: 'Q8_0', output: 'relative.gguf' }],
    ['model', { verb: 'plan', model: 'relative.gguf', target }],
  ])('refuses a relative %s', async (setting, recipe) => {
    const engine = await startEngine();
    expect(errorOf(await engine.run(recipe))).toMatchObject({
      code: 'USAGE',
      details: { setting, path: 'relative.gguf' },
    });
  });

  it('takes addresses, built-in texts and words for what they are', () => {
    const words = {
      ...{ verb: 'slice', model: 'hub:owner/name', tokenizer: 'hub:owner/name', importance: 'off' },
      ...{ scheduler: 'variance', output: path.resolve('out.gguf') },
    };
    expect(() => refuseRelativePaths(recipeSchema.parse(words))).not.toThrow();
    const evaluation = { text: 'mine.txt' };
    expect(() => refuseRelativePaths(recipeSchema.parse({ ...words, evaluation }))).toThrow('evaluation.text');
  });
});

it('finds every path of a recipe', () => {
  const found = new Map<string, string>();
  const note = (file: string, setting: string): string => {
    found.set(file, setting);
    return path.resolve(file);
  };
  const slice = { verb: 'slice', model: 'm', tokenizer: 't', output: 'o', importance: 'i', scheduler: 's' };
  const texts = { calibration: { texts: ['calibration', 'c.txt'] }, evaluation: { text: 'e.txt' } };
  const changed = withPaths(recipeSchema.parse({ ...slice, ...texts }), note);
  withPaths(recipeSchema.parse({ verb: 'evaluate', model: 'm', against: 'a', tasks: ['q.jsonl'] }), note);
  expect(Object.fromEntries(found)).toEqual({
    ...{ m: 'model', t: 'tokenizer', o: 'output', i: 'importance', s: 'scheduler', a: 'against', 'q.jsonl': 'tasks' },
    ...{ 'c.txt': 'calibration.texts', 'e.txt': 'evaluation.text' },
  });
  expect(changed).toMatchObject({ calibration: { texts: ['calibration', path.resolve('c.txt')] } });
});
