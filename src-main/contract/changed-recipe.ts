// Recipes that are used again: with some settings changed, and as a file of their own.
import { z } from 'zod';
import { AppError } from './errors.ts';
import { recipe as recipeSchema, type Recipe } from './recipe.ts';
import { version } from './version.ts';

/**
 * A recipe with the settings of `set`: dotted names (`calibration.samples`), values as JSON (512, true, ["a"]) or else as
 * text; a comma list is one for a setting that is a list (0.15,0.2). @throws USAGE for a setting that the recipe has not, or a value that it cannot have
 */
export function changedRecipe(recipe: Recipe, set: Readonly<Record<string, string>>): Recipe {
  const copy = structuredClone(recipe) as unknown as Record<string, unknown>;
  for (const [name, text] of Object.entries(set)) assign(copy, name, valueOf(text));
  const first = recipeSchema.safeParse(copy);
  if (first.success) return first.data;
  for (const issue of first.error.issues) {
    const name = issue.path.join('.');
    if (issue.code === 'invalid_type' && issue.expected === 'array' && Object.hasOwn(set, name))
      assign(
        copy,
        name,
        set[name]!.split(',').map((item) => item.trim()),
      );
  }
  const parsed = recipeSchema.safeParse(copy);
  if (parsed.success) return parsed.data;
  throw new AppError('USAGE', `These settings make no recipe: ${z.prettifyError(parsed.error)}`, { option: '--set' });
}

/** A recipe to be used again. Consent to replace a file was given to the run that had it, and ends with that. */
export const withoutConsent = (recipe: Recipe): Recipe => ('force' in recipe ? { ...recipe, force: false } : recipe);

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
 * The recipe of a file, which replaces no file: one that was saved, the record beside an output, or a recipe alone.
 * @throws FILE_MALFORMED with what is wrong and where
 */
export function readRecipeFile(text: string, file: string): Recipe {
  const found = parsedJson(text, file);
  const parsed = recipeSchema.safeParse(isGroup(found) && Object.hasOwn(found, 'recipe') ? found['recipe'] : found);
  if (parsed.success) return withoutConsent(parsed.data);
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
