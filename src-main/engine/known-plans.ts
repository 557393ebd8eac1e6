// Plans that were listed, so that a run that names one, or takes the best, is foreseen with its exact bytes.
import type { FitRecipe, PlanRecipe } from '../contract/recipe.ts';
import { noPlans, plansKey, targetKey, type FoundPlans } from '../core/planning/found-plans.ts';
import type { JobFacts } from '../core/planning/job-work.ts';
import { sampledHash } from './library/model-hash.ts';

/** Models whose plans are remembered: one is looked at, a few are gone back to. */
const mostModels = 8;

export class KnownPlans {
  /** By `plansKey`; the one noted last is the last. */
  readonly #models = new Map<string, FoundPlans>();

  note(modelHash: string, recipe: PlanRecipe | FitRecipe, { files, best }: FoundPlans): void {
    const key = plansKey(modelHash, recipe);
    const earlier = this.#models.get(key) ?? noPlans();
    this.#models.delete(key);
    this.#models.set(key, {
      files: new Map([...earlier.files, ...files]),
      best: new Map([...earlier.best, ...best]),
    });
    if (this.#models.size > mostModels) this.#models.delete(this.#models.keys().next().value!);
  }

  /** The best plan of the fit's target, and the file of the plan that it names, else of the best; null where this very model was not planned so. */
  async of(recipe: FitRecipe): Promise<Pick<JobFacts, 'best' | 'named'>> {
    if (this.#models.size === 0) return { best: null, named: null };
    const { model, target, plan } = recipe;
    const { hash } = await sampledHash(model);
    const found = this.#models.get(plansKey(hash, recipe)) ?? noPlans();
    const best = found.best.get(targetKey(target)) ?? null;
    return { best, named: found.files.get(plan ?? best ?? '') ?? null };
  }
}
