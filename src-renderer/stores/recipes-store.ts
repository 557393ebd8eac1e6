// Recipes as files: a run's saved, and one from elsewhere opened, to be started or taken into the Fit area.
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { readRecipeFile, recipeFileText } from '../../src-main/contract/changed-recipe.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Recipe } from '../../src-main/contract/recipe.ts';
import { openInFit } from '../features/history/clone-into-fit.ts';
import { nameOf } from '../features/model/model-path.ts';
import { useHistoryStore } from './history-store.ts';
import { useJobsStore } from './jobs-store.ts';
import { useNavigationStore } from './navigation-store.ts';

/**
 * A file that was opened: its recipe, or what is wrong with it. `file: null`: a recipe that the Fit area begins with;
 * `leavesLimit`: without the limit of memory that is set there.
 */
export type ImportedRecipe =
  | { file: string; recipe: Recipe }
  | { file: null; recipe: Recipe; leavesLimit: boolean }
  | { file: string; recipe: null; problem: string };

/** A recipe takes a few kilobytes, a record with its plans some hundred. */
const largestBytes = 16 * 2 ** 20;

export const useRecipesStore = defineStore('recipes', () => {
  const imported = shallowRef<ImportedRecipe | null>(null);

  /** Saves the recipe of a run; null where the user backs out. @throws USAGE for that of another version */
  async function save(run: string): Promise<string | null> {
    const recipe = await useHistoryStore().recipeOf(run);
    const name = `${recipe.verb}-${nameOf(recipe.model)}`.replaceAll(/[^\w.-]+/g, '-');
    return window.app.saveText(`${name}.recipe.json`, recipeFileText(recipe));
  }

  /** Reads a file that the user chose. Nothing is started. */
  async function open(file: File): Promise<void> {
    try {
      if (file.size > largestBytes) {
        const message = `${file.name} is no recipe: it has ${file.size} bytes, and a recipe has a few thousand.`;
        throw new AppError('FILE_MALFORMED', message, { file: file.name });
      }
      imported.value = { file: file.name, recipe: readRecipeFile(await file.text(), file.name) };
    } catch (error) {
      imported.value = { file: file.name, recipe: null, problem: AppError.from(error).message };
    }
  }

  /** Shows a recipe of the Fit area to be looked over, without its limit of memory where one is set. Nothing is started. */
  function propose(recipe: Recipe, { leavesLimit }: { leavesLimit: boolean }): void {
    imported.value = { file: null, recipe, leavesLimit };
    useNavigationStore().go('history');
  }

  function close(): void {
    imported.value = null;
  }

  /** @throws what `jobs.start` does */
  async function start(recipe: Recipe): Promise<void> {
    const run = await useJobsStore().start(recipe);
    close();
    useNavigationStore().go('runs', { run });
  }

  /** The wizard is for fits. */
  async function openFit(recipe: Recipe): Promise<void> {
    if (recipe.verb !== 'fit') return;
    close();
    useNavigationStore().go('fit');
    await openInFit(null, recipe);
  }

  return { imported, save, open, propose, close, start, openFit };
});
