// A study by its run, from the session or from the history: its state, its rows so far, its result.
import type { ErrorShape } from '../../../src-main/contract/errors.ts';
import type { ExperimentDetail, ExperimentState } from '../../../src-main/contract/history.ts';
import type { JobSnapshot } from '../../../src-main/contract/job.ts';
import type { Progress } from '../../../src-main/contract/progress.ts';
import { studyRecipe, type StudyRecipe } from '../../../src-main/contract/recipe.ts';
import { studyResult, type StudyResult, type StudyRow, type StudyRows } from '../../../src-main/contract/study.ts';

export interface StudyRun {
  id: string;
  state: ExperimentState;
  created: string;
  model: string;
  /** null where another version of Snug kept it in another form. */
  recipe: StudyRecipe | null;
  /** null until the study is done. */
  result: StudyResult | null;
  /** Finished so far. */
  rows: StudyRows | null;
  progress: Progress | null;
  waitingFor: string | null;
  error: ErrorShape | null;
}

/** The session's own run says more than the history, which knows every run. `kept`: rows that were seen before it stopped. */
export function studyRunOf(
  job: JobSnapshot | null,
  detail: ExperimentDetail | null,
  kept: readonly StudyRow[] = [],
): StudyRun | null {
  if (job !== null) return ofJob(job, kept);
  return detail?.verb === 'study' ? ofHistory(detail) : null;
}

function ofJob({ id, created, recipe, job }: JobSnapshot, kept: readonly StudyRow[]): StudyRun | null {
  if (recipe.verb !== 'study') return null;
  const result = job.state === 'done' && job.result.verb === 'study' ? job.result.value : null;
  const { kind } = recipe;
  return {
    ...{ id, created, state: job.state, model: recipe.model, recipe, result },
    rows: result ?? ({ kind, rows: rowsOf(job) ?? kept } as StudyRows),
    progress: job.state === 'running' ? job.progress : null,
    waitingFor: (job.state === 'queued' && job.waitingFor) || null,
    error: job.state === 'failed' ? job.error : null,
  };
}

/** What a job has told of its rows; null where it tells none. */
export function rowsOf(job: JobSnapshot['job']): readonly StudyRow[] | null {
  return job.state === 'running' || job.state === 'paused' ? (job.series?.rows ?? null) : null;
}

function ofHistory({ run, created, state, model, recipe, result, error }: ExperimentDetail): StudyRun {
  const known = studyResult.safeParse(result);
  const asked = studyRecipe.safeParse(recipe);
  const done = known.success ? known.data : null;
  return {
    ...{ id: run, created, state, model, recipe: asked.success ? asked.data : null, result: done, rows: done },
    ...{ progress: null, waitingFor: null, error },
  };
}
