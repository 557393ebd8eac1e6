// What happens while the user waits, in words: for the line on the page, and for those who hear it instead of seeing it.
import type { JobSnapshot, JobState } from '../../src-main/contract/job.ts';
import type { PlanList } from '../../src-main/contract/plan.ts';
import type { ModelState } from '../stores/fit-store.ts';
import { nameOf } from './model/model-path.ts';
import { resultHeadline } from './plans/plan-view.ts';
import { stageLabel } from './run/stage-steps.ts';

/** How the planner does; empty when it rests. */
export function planningInWords(job: JobState | null): string {
  if (job === null || job.state === 'queued') return 'Working out what fits…';
  if (job.state !== 'running') return '';
  const { progress } = job;
  const isCounted = progress !== null && progress.total > 1;
  return isCounted ? `Working out what fits: ${progress.done} of ${progress.total}…` : 'Working out what fits…';
}

/** The newest change of the page, one sentence: verdicts and stages, not every percent. */
export function announce(model: ModelState, plans: PlanList | null, run: JobSnapshot | null): string {
  if (run !== null) return announceRun(run);
  if (plans !== null) return plans.verdict;
  if (model.state === 'reading') return `Reading ${nameOf(model.path)}`;
  return model.state === 'open' ? 'Working out what fits' : '';
}

function announceRun({ job, recipe }: JobSnapshot): string {
  switch (job.state) {
    case 'queued':
      return job.waitingFor === undefined ? 'Waiting to start' : `Waiting for ${job.waitingFor}`;
    case 'running':
      return job.progress === null ? 'Started' : stageLabel(job.progress.stage);
    case 'done':
      return job.result.verb === 'fit' && recipe.verb === 'fit'
        ? resultHeadline(job.result.value, recipe.target)
        : 'Done';
    case 'cancelled':
      return 'Cancelled';
    case 'paused':
      return 'Paused';
    case 'interrupted':
      return 'Interrupted';
    case 'failed':
      return ''; // the error notice is an alert of its own
  }
}
