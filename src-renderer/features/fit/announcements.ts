// What happens in the Fit area while the user waits, in words: for the line on the page, and for those who hear it instead of seeing it.
import type { JobState } from '../../../src-main/contract/job.ts';
import type { Plan, PlanList } from '../../../src-main/contract/plan.ts';
import type { ModelState } from '../../stores/opened-model.ts';
import { useWords } from '../../words/words.ts';
import { nameOf } from '../model/model-path.ts';
import { headlineOf } from '../plans/plan-view.ts';

const words = useWords();

/** How the planner does; empty when it rests. */
export function planningInWords(job: JobState | null, isRunActive: boolean): string {
  if (job === null || job.state === 'queued') return isRunActive ? words.plans.waiting : words.plans.working;
  if (job.state !== 'running') return '';
  const { progress } = job;
  const isCounted = progress !== null && progress.total > 1;
  return isCounted ? words.plans.workingCounted(progress.done, progress.total) : words.plans.working;
}

interface Shown {
  model: ModelState;
  reading: { path: string } | null;
  plans: PlanList | null;
  chosen: Plan | null;
}

/** The newest change of the page, one sentence: the verdict, not every step to it. */
export function announce({ model, reading, plans, chosen }: Shown): string {
  if (reading !== null) return words.model.reading(nameOf(reading.path));
  if (plans !== null && chosen !== null) return headlineOf(plans, chosen).join(' ').trim();
  return model.state === 'open' ? words.plans.working : '';
}
