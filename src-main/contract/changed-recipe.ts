// Recipes outside of the history: with some settings changed, and as a file of their own.
import { z } from 'zod';
import { AppError } from './errors.ts';
import { recipe as recipeSchema, type Recipe } from './recipe.ts';
import { version } from './version.ts';

/**
 * A recipe with the settings of `set`: dotted names (`calibration.samples`), values as JSON (512, true, ["a"]) or else as
 * text. @throws USAGE for a setting that the recipe has not, or a value that it cannot have
 */
export function changedRecipe(recipe: Recipe, set: Readonly<Record<string, string>>): Recipe {
  const copy = structuredClone(recipe) as unknown as Record<string, unknown>;
  for (const [name, text] of Object.entries(set)) assign(copy, name, valueOf(text));
  const parsed = recipeSchema.safeParse(copy);
  if (parsed.success) return parsed.data;
  throw new AppError('USAGE', `These settings make no recipe: ${z.prettifyError(parsed.error)}`, { option: '--set' });
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

/** A recipe as a file that another Snug takes; it has the form of the record beside an output, without what came of it. */
export const recipeFileText = (recipe: Recipe): string =>
  `${JSON.stringify({ recipe, versions: { snug: version } }, null, 2)}\n`;

/**
 * The recipe of a file: one that was saved, the record beside an output, or a recipe alone.
 * @throws FILE_MALFORMED with what is wrong and where
 */
export function readRecipeFile(text: string, file: string): Recipe {
  const found = parsedJson(text, file);
  const parsed = recipeSchema.safeParse(isGroup(found) && Object.hasOwn(found, 'recipe') ? found['recipe'] : found);
  if (parsed.success) return parsed.data;
  const said = isGroup(found) ? z.prettifyError(parsed.error) : 'it holds no object';
  throw new AppError('FILE_MALFORMED', `${file} is no recipe of this Snug: ${said}`, { file });
}

function parsedJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('FILE_MALFORMED', `${file} is no recipe: it is no JSON (${(error as Error).message}).`, {
      file,
    });
  }
}
