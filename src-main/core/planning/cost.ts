// What making a plan costs: what a fit that names it is told before it starts (job-work.ts).
import type { Plan } from '../../contract/plan.ts';
import { fitRecipe, type FitRecipe, type PlanRecipe } from '../../contract/recipe.ts';
import { estimate, type Machine } from './estimate.ts';
import { jobWork, type JobFacts, type NamedFile } from './job-work.ts';

export interface CostFacts {
  fit: FitRecipe;
  /** Of that fit; null where the header does not say enough for time and memory. */
  job: JobFacts | null;
  machine: Machine;
  threads: number;
}

/** The fit that a list of plans is asked for, with the settings that a fit has by itself. */
export function plannedFit(recipe: PlanRecipe): FitRecipe {
  return fitRecipe.parse({ ...recipe, verb: 'fit', output: 'planned.gguf' });
}

export function costOf({ fit, job, machine, threads }: CostFacts, id: string, named: NamedFile): Plan['cost'] {
  const work = job && jobWork({ ...fit, plan: id }, { ...job, named });
  if (!work) return { seconds: 0, peakMemoryBytes: 0, diskBytes: named.bytes };
  const { seconds, peakMemoryBytes } = estimate(work.works, machine, threads);
  return { seconds: Math.round(seconds.likely), peakMemoryBytes, diskBytes: named.bytes };
}
