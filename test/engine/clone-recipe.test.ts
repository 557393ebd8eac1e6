// A kept recipe used again: it replaces no file, unless the changes say so.
import { describe, expect, it } from 'vitest';
import type { Experiment } from '../../src-main/contract/history.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { cloneRecipe } from '../../src-main/engine/library/clone-recipe.ts';

const kept = recipeSchema.parse({ verb: 'quantize', model: '/m.gguf', type: 'Q4_K_M', output: '/o.gguf', force: true });
const experiment = { run: 'a', recipe: kept } as unknown as Experiment;

describe('a clone', () => {
  it('replaces no file, though its run did', () => {
    expect(cloneRecipe(experiment, {})).toEqual({ ...kept, force: false });
    expect(cloneRecipe(experiment, { type: 'Q8_0' })).toMatchObject({ type: 'Q8_0', force: false });
  });

  it('replaces one where that is asked for anew', () => {
    expect(cloneRecipe(experiment, { force: 'true' })).toEqual(kept);
  });

  it('has what its run had where nothing is written', () => {
    const measured = recipeSchema.parse({ verb: 'evaluate', model: '/m.gguf' });
    expect(cloneRecipe({ ...experiment, recipe: measured }, {})).toEqual(measured);
  });
});
