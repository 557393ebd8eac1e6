// The start of a recipe that was looked over: one that writes is told first what it takes, any other begins at once.
import { proxyRefs, shallowRef, type ShallowRef, type ShallowUnwrapRef } from 'vue';
import { AppError, type ErrorShape } from '../../../src-main/contract/errors.ts';
import type { Recipe } from '../../../src-main/contract/recipe.ts';
import { outputOf, useAskedStart, type AskedStart } from '../preflight/use-asked-start.ts';

export interface RecipeStart {
  /** Why it was not started. */
  failure: ShallowRef<ErrorShape | null>;
  isStarting: ShallowRef<boolean>;
  asked: ShallowUnwrapRef<AskedStart<{ recipe: Recipe }>>;
  /** Does what may fail, one at a time, and tells why it did. */
  attempt: (action: () => Promise<void>) => Promise<void>;
  start: (recipe: Recipe) => Promise<void>;
}

export function useRecipeStart(begin: (recipe: Recipe) => Promise<void>): RecipeStart {
  const failure = shallowRef<ErrorShape | null>(null);
  const isStarting = shallowRef(false);
  const asked = proxyRefs(useAskedStart<{ recipe: Recipe }>(({ recipe }) => begin(recipe)));

  async function attempt(action: () => Promise<void>): Promise<void> {
    if (isStarting.value) return;
    isStarting.value = true;
    failure.value = null;
    try {
      await action();
    } catch (caught) {
      failure.value = AppError.from(caught).toShape();
    }
    isStarting.value = false;
  }

  const start = (recipe: Recipe): Promise<void> => (outputOf(recipe) === null ? begin(recipe) : asked.ask({ recipe }));

  return { failure, isStarting, asked, attempt, start };
}
