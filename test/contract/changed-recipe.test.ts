// Recipes as files: what is saved is read again, in each form that Snug writes, and what is no recipe is refused with the reason.
import { describe, expect, it } from 'vitest';
import { changedRecipe, readRecipeFile, recipeFileText } from '../../src-main/contract/changed-recipe.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';

const recipe = recipeSchema.parse({ verb: 'quantize', model: '/m.gguf', type: 'Q4_K_M', output: '/o.gguf' });

const refusalOf = (text: string): AppError => {
  try {
    readRecipeFile(text, 'a.json');
  } catch (error) {
    return AppError.from(error);
  }
  throw new Error('it was taken');
};

describe('a recipe file', () => {
  it('is read as it was saved', () => {
    expect(readRecipeFile(recipeFileText(recipe), 'a.recipe.json')).toEqual(recipe);
  });

  it('may be the record beside an output, or a recipe alone', () => {
    expect(readRecipeFile(JSON.stringify({ run: 'x', recipe, result: { any: 1 } }), 'a')).toEqual(recipe);
    expect(readRecipeFile(JSON.stringify(recipe), 'a')).toEqual(recipe);
  });

  it('replaces no file, though the run that had it did', () => {
    const forced = recipeSchema.parse({ ...recipe, force: true });
    for (const text of [recipeFileText(forced), JSON.stringify({ recipe: forced, result: {} }), JSON.stringify(forced)])
      expect(readRecipeFile(text, 'a')).toEqual({ ...forced, force: false });
  });

  it.each([
    ['no JSON', '{', /no JSON/],
    ['no object', '[1]', /no object/],
    ['an unknown verb', '{"verb":"rm","model":"/"}', /verb/],
    ['a setting of the wrong kind', JSON.stringify({ ...recipe, threads: 'many' }), /threads/],
    ['a record without a recipe', '{"recipe":null}', /no recipe/],
    ['a prototype', '{"__proto__":{"verb":"download"}}', /no recipe/],
  ])('that is %s is refused', (_what, text, reason) => {
    const error = refusalOf(text);
    expect(error.code).toBe('FILE_MALFORMED');
    expect(error.message).toMatch(reason);
    expect(error.message).toContain('a.json');
  });
});

describe('changes', () => {
  it('are put in by dotted name, and only those that are there', () => {
    expect(changedRecipe(recipe, { type: 'Q8_0', 'calibration.samples': '12' })).toMatchObject({
      type: 'Q8_0',
      calibration: { samples: 12 },
    });
    const study = recipeSchema.parse({ verb: 'study', kind: 'sparsity', model: '/m.gguf' });
    for (const values of ['0.15, 0.2', '["0.15","0.2"]']) {
      expect(changedRecipe(study, { values, 'calibration.texts': 'a.txt' })).toMatchObject({
        ...{ values: ['0.15', '0.2'], calibration: { texts: ['a.txt'] } },
      });
    }
    expect(changedRecipe(study, { values: '0.2' })).toMatchObject({ values: ['0.2'] });
    expect(() => changedRecipe(study, { values: '{}', threads: 'many' })).toThrow(/make no recipe/);
    expect(() => changedRecipe(recipe, { nothing: '1' })).toThrow(/no setting "nothing"/);
    expect(() => changedRecipe(recipe, { 'calibration.samples': 'x' })).toThrow(/make no recipe/);
  });
});
