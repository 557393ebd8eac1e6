// A kept fit as the Fit area's form has it: its target as a person would type it.
import type { FitRecipe } from '../../../src-main/contract/recipe.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { useFitStore } from '../../stores/fit-store.ts';
import { offeredKvTypes, type TargetDraft } from '../target/target-draft.ts';

/** Opens the recipe's model in the Fit area, with its target and its plan. */
export async function openInFit({ model, target, plan }: FitRecipe): Promise<void> {
  const fit = useFitStore();
  await fit.open(model);
  Object.assign(fit.draft, draftOf(target));
  fit.chosenId = plan;
}

/** What of the form a target says; a type of KV cache that the form does not offer stays as the form has it. */
export function draftOf(target: Target): Partial<TargetDraft> {
  if (target.kind === 'file') return { kind: 'file', file: `${target.bytes / 1e9} GB` };
  const { bytes, reserveBytes, context } = target;
  const kvType = offeredKvTypes.find((type) => type === target.kvType);
  return {
    ...{ kind: 'memory', card: memoryText(bytes), reserve: memoryText(reserveBytes), context },
    ...(kvType && { kvType }),
  };
}

/** Exact, in the unit that keeps it short: `24 GiB`, `512 MiB`. */
function memoryText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / 2 ** 20} MiB`;
}
