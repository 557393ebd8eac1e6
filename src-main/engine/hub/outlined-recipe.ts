// A recipe as it can be judged before anything is downloaded: with outlines where it has addresses.
import { isHubAddress } from '../../contract/hub-address.ts';
import type { Recipe } from '../../contract/recipe.ts';
import type { OpenedOutline } from './outline.ts';

export interface OutlinedRecipe {
  local: Recipe;
  /** What its download has to bring. */
  downloadBytes: number;
}

export const hasHubModel = (recipe: Recipe): boolean =>
  isHubAddress(recipe.model) || (recipe.verb === 'evaluate' && recipe.against !== null && isHubAddress(recipe.against));

/** Opens what a recipe reads weights of. @throws as `open` */
export async function outlinedRecipe(
  recipe: Recipe,
  open: (address: string) => Promise<OpenedOutline>,
): Promise<OutlinedRecipe> {
  let downloadBytes = 0;
  const outlined = async (model: string): Promise<string> => {
    if (!isHubAddress(model)) return model;
    const { model: outline, missingBytes } = await open(model);
    downloadBytes += missingBytes;
    return outline;
  };
  const local = { ...recipe, model: await outlined(recipe.model) };
  if (local.verb === 'evaluate' && local.against !== null) local.against = await outlined(local.against);
  return { local, downloadBytes };
}
