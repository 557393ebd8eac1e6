// A run in few words: for the status bar, and for those who hear it instead of seeing it.
import { hasEnded, type JobSnapshot, type JobState } from '../../../src-main/contract/job.ts';
import { planName } from '../../words/plan-words.ts';
import { useWords } from '../../words/words.ts';
import { verbInWords } from '../history/run-text.ts';
import { nameOf } from '../model/model-path.ts';
import { resultHeadline } from '../plans/plan-view.ts';
import { planOfRun } from './run-plan.ts';
import { stageLabel } from './stage-steps.ts';
import { timeLeftInStep } from './time-left.ts';

const words = useWords();

/** `Making sample fit`. */
export const runTitle = ({ recipe }: Pick<JobSnapshot, 'recipe'>): string => titleOf(recipe.verb, recipe.model);

/**
 * What tells a run from others of its model: `Making m.gguf fit` or, once it has ended, `Fit, m.gguf`; and the plan that it
 * makes, where that is known.
 */
export function runLabel(run: JobSnapshot, jobs: Iterable<JobSnapshot>): { title: string; plan: string } {
  const { job, recipe } = run;
  const made = job.state === 'done' && job.result.verb === 'fit' ? job.result.value.plan : null;
  const plan = made ?? planOfRun(run, jobs);
  const title = hasEnded(job) ? `${verbInWords(recipe.verb)}, ${nameOf(recipe.model)}` : runTitle(run);
  return { title, plan: plan === null ? '' : planName(plan) };
}

/** The same of a run of the history, whose verb this version may not know. */
export function titleOf(verb: string, model: string): string {
  const { doing } = words.runs;
  return verb in doing ? doing[verb as keyof typeof doing](nameOf(model)) : nameOf(model);
}

/** How far the current stage is, from 0 to 1. */
export function shareOf(job: JobState): number {
  const progress = job.state === 'running' ? job.progress : null;
  return progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
}

/** `Calibrate · 6 min left`; of a run that waits or has ended its state. */
export function lineOf(job: JobState): string {
  if (job.state !== 'running' || job.progress === null) return words.runs.states[job.state];
  const { stage, secondsLeft } = job.progress;
  const left = secondsLeft === undefined ? [] : [timeLeftInStep(secondsLeft)];
  return [stageLabel(stage), ...left].join(' · ');
}

/** The newest change, one sentence: stages and verdicts, not every percent. */
export function announceRun({ job, recipe }: JobSnapshot): string {
  switch (job.state) {
    case 'queued':
      return job.waitingFor === undefined ? words.runs.waitingToStart : words.runs.announceWaitingFor(job.waitingFor);
    case 'running':
      return job.progress === null ? words.runs.started : stageLabel(job.progress.stage);
    case 'done':
      return job.result.verb === 'fit' && recipe.verb === 'fit'
        ? resultHeadline(job.result.value, recipe.target, recipe.plan)
        : words.runs.states.done;
    case 'failed':
      return ''; // the error notice is an alert of its own
    case 'cancelled':
    case 'paused':
    case 'interrupted':
      return words.runs.states[job.state];
  }
}
