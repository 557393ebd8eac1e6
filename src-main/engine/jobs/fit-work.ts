// What a fit works with: the plans it makes, and what was made of them.
import type { Plan } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult, Invariance } from '../../contract/results.ts';
import type { SliceOutcome } from '../../core/planning/slice-outcome.ts';
import type { Planned } from '../planner/plan-model.ts';
import type { EvaluationEngine } from '../stages/engine.ts';
import type { GgufSource } from '../stages/open.ts';
import type { BlockStatistics } from '../stages/statistics.ts';
import type { EvaluationTokens } from '../stages/texts.ts';
import type { JobContext } from './context.ts';
import type { ImportanceUse } from './make-file.ts';

export interface FitWork {
  context: JobContext;
  recipe: FitRecipe;
  planned: Planned;
  source: GgufSource;
  importance: ImportanceUse;
  /** Measures every candidate, and the winner at the end. */
  engine: EvaluationEngine;
  /** null where nothing is measured. */
  text: EvaluationTokens | null;
  /** What all slices begin with, worked out for the first. */
  rotation: () => Promise<Rotation>;
}

/** The proof that the model can be rotated, and what the directions are found by. */
export interface Rotation {
  invariance: Invariance;
  statistics: BlockStatistics;
}

/** Plans to make, best first. */
export interface Choice {
  plans: readonly Plan[];
  /** The best slice that fits, to be held against the best of `plans`; null where there is none. */
  slice: Plan | null;
  /** What is to be said of slices where none is compared. */
  outcome: SliceOutcome;
}

export interface Made {
  plan: Plan;
  file: string;
  fileBytes: number;
  sha256: string;
  calibration: FitResult['calibration'];
  /** Of the model, where it was sliced. */
  invariance: Invariance | null;
  measured: FitResult['measured'][number] | null;
}
