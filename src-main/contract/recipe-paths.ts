// The settings of a recipe that name files or folders. What else may stand in such a place (an address on a hub, the name of
// a built-in text, a word such as `on`) is no path.
import { isHubAddress } from './hub-address.ts';
import type { Recipe } from './recipe.ts';

/** Names of the texts that Snug brings along. */
export const builtInTextNames = ['calibration', 'evaluation'] as const;

const among =
  (...words: readonly string[]) =>
  (value: string): boolean =>
    words.includes(value);

/** By dotted name: what in it is no path. */
const pathSettings: Readonly<Record<string, (value: string) => boolean>> = {
  model: isHubAddress,
  against: isHubAddress,
  tokenizer: isHubAddress,
  output: among(),
  tasks: among(),
  importance: among('on', 'off'),
  scheduler: among('constant', 'variance'),
  'calibration.texts': among(...builtInTextNames),
  'evaluation.text': among(...builtInTextNames),
};

/** The recipe with `change` made to every path in it; `setting` is the dotted name, as `history clone --set` takes it. */
export function withPaths(recipe: Recipe, change: (file: string, setting: string) => string): Recipe {
  const changed = structuredClone(recipe) as unknown as Record<string, unknown>;
  for (const [setting, isNoPath] of Object.entries(pathSettings)) {
    const [outer = '', inner] = setting.split('.');
    const group = inner === undefined ? changed : (changed[outer] as Record<string, unknown> | undefined);
    const key = inner ?? outer;
    const one = (value: unknown): unknown =>
      typeof value !== 'string' || isNoPath(value) ? value : change(value, setting);
    const value = group?.[key];
    if (group && value !== undefined) group[key] = Array.isArray(value) ? value.map(one) : one(value);
  }
  return changed as unknown as Recipe;
}
