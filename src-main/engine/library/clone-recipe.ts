// The recipe of a run with some settings changed.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Experiment } from '../../contract/history.ts';
import { recipe as recipeSchema, type Recipe } from '../../contract/recipe.ts';

/**
 * The recipe of `experiment` with the settings of `set`: dotted names (`calibration.samples`), values as JSON (512, true,
 * ["a"]) or else as text. @throws USAGE for a setting that the recipe has not, or a value that it cannot have
 */
export function cloneRecipe(experiment: Experiment, set: Readonly<Record<string, string>>): Recipe {
  const changed = recipeSchema.safeParse(experiment.recipe);
  if (!changed.success) throw wrong(`The recipe of ${experiment.run} is of another version of Snug`, changed.error);
  const copy = structuredClone(changed.data) as unknown as Record<string, unknown>;
  for (const [name, text] of Object.entries(set)) assign(copy, name, valueOf(text));
  const parsed = recipeSchema.safeParse(copy);
  if (parsed.success) return parsed.data;
  throw wrong('These settings make no recipe', parsed.error);
}

function wrong(what: string, error: z.ZodError): AppError {
  return new AppError('USAGE', `${what}: ${z.prettifyError(error)}`, { option: '--set' });
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function assign(recipe: Record<string, unknown>, name: string, value: unknown): void {
  const keys = name.split('.');
  const last = keys.pop()!;
  let group: unknown = recipe;
  for (const key of keys) group = isGroup(group) ? group[key] : undefined;
  if (!isGroup(group) || !Object.hasOwn(group, last) || name === 'verb') {
    const known = isGroup(group) ? Object.keys(group).filter((key) => key !== 'verb') : Object.keys(recipe);
    throw new AppError('USAGE', `There is no setting "${name}". There are: ${known.join(', ')}.`, {
      setting: name,
      known,
    });
  }
  group[last] = value;
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
