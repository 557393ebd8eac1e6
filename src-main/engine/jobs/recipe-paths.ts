// Paths of a recipe are absolute: a relative one would be read against the folder in which the engine happened to start.
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { withPaths } from '../../contract/recipe-paths.ts';

/** @throws USAGE naming the first path that is relative */
export function refuseRelativePaths(recipe: Recipe): void {
  withPaths(recipe, (file, setting) => {
    if (path.isAbsolute(file)) return file;
    const message = `The setting ${setting} is "${file}", a relative path, which leads elsewhere from every folder: give the whole path.`;
    throw new AppError('USAGE', message, { setting, path: file });
  });
}
