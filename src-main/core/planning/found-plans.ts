// What plans of one model were found, so that a run of one is foreseen with its exact bytes.
import type { PlanRecipe } from '../../contract/recipe.ts';
import type { Target } from '../../contract/target.ts';
import type { NamedFile } from './job-work.ts';

export interface FoundPlans {
  /** Files by the name of their plan. */
  files: Map<string, NamedFile>;
  /** The name of the best plan, by the target; none where nothing fits. */
  best: Map<string, string>;
}

export const noPlans = (): FoundPlans => ({ files: new Map(), best: new Map() });

/** Of a model, by its hash, and what besides the target decides its plans. */
export const plansKey = (
  modelHash: string,
  { methods, orientation }: Pick<PlanRecipe, 'methods' | 'orientation'>,
): string => JSON.stringify([modelHash, methods, orientation]);

export const targetKey = (target: Target): string => JSON.stringify(target);
