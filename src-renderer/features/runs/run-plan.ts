// What a run makes: its plan, from the plans that were worked out for the same model and target.
import type { JobSnapshot } from '../../../src-main/contract/job.ts';
import type { Plan } from '../../../src-main/contract/plan.ts';

export function planOfRun({ recipe }: JobSnapshot, jobs: Iterable<JobSnapshot>): Plan | null {
  if (recipe.verb !== 'fit') return null;
  const target = JSON.stringify(recipe.target);
  for (const { job, recipe: asked } of jobs) {
    if (asked.verb !== 'plan' || asked.model !== recipe.model || JSON.stringify(asked.target) !== target) continue;
    if (job.state !== 'done' || job.result.verb !== 'plan') continue;
    const { plans, best } = job.result.value;
    const found = plans.find(({ id }) => id === (recipe.plan ?? best));
    if (found) return found;
  }
  return null;
}
