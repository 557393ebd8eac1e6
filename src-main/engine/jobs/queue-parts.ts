// What the job queue works with: who does its jobs, keeps them, gives it turns and hears of changes.
import type { z } from 'zod';
import type { engineApi } from '../../contract/engine-api.ts';
import type { JobResult, JobSnapshot } from '../../contract/job.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Recipe } from '../../contract/recipe.ts';
import type { StudyRow } from '../../contract/study.ts';
import type { Turns } from './turns.ts';

type Events = (typeof engineApi)['events'];
export type Emit = <Name extends keyof Events>(name: Name, payload: z.infer<Events[Name]>) => void;

export interface RunRequest {
  run: string;
  recipe: Recipe;
  created: string;
  /** Taken up again: what an earlier attempt finished is used. */
  isResumed: boolean;
  signal: AbortSignal;
  report: (progress: Progress) => void;
  measured: (row: StudyRow) => void;
}

/** Does the work of a recipe. */
export type RunRecipe = (request: RunRequest) => Promise<JobResult>;

/** Refuses a recipe, before it waits for its turn, for what no waiting changes. */
export type RefuseEarly = (request: Pick<RunRequest, 'run' | 'recipe' | 'isResumed'>) => Promise<void>;

/** Keeps the history; where it cannot be written, the result of a run says so. */
export interface Recorder {
  added: (snapshot: JobSnapshot, clonedFrom: string | null) => void;
  /** Answers why the run is not kept as it is now; null where it is. */
  changed: (snapshot: JobSnapshot) => string | null;
  /** A run of this or an earlier engine that nobody works on; null where there is none. */
  find: (id: string) => JobSnapshot | null;
  /** Makes a run that was stopped this engine's; false where another engine was faster. */
  requeue: (id: string) => boolean;
  moved: (id: string, before: string | null) => void;
}

export interface QueueParts {
  refuseEarly: RefuseEarly;
  runRecipe: RunRecipe;
  recorder: Recorder;
  turns: Turns;
  emit: Emit;
}
