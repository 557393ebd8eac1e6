// The recipe of a run with some settings changed. It replaces a file only where the changes say so.
import { z } from 'zod';
import { changedRecipe, withoutConsent } from '../../contract/changed-recipe.ts';
import { AppError } from '../../contract/errors.ts';
import type { Experiment } from '../../contract/history.ts';
import { recipe as recipeSchema, type Recipe } from '../../contract/recipe.ts';

/** @throws USAGE for a recipe of another version, a setting that it has not, or a value that it cannot have */
export function cloneRecipe(experiment: Experiment, set: Readonly<Record<string, string>>): Recipe {
  const kept = recipeSchema.safeParse(experiment.recipe);
  if (kept.success) return changedRecipe(withoutConsent(kept.data), set);
  const message = `The recipe of ${experiment.run} is of another version of Snug: ${z.prettifyError(kept.error)}`;
  throw new AppError('USAGE', message, { option: '--set' });
}
