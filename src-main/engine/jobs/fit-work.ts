// What the parts of a fit hand to each other.
import type { Plan } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult } from '../../contract/results.ts';
import type { Planned } from '../planner/plan-model.ts';
import type { EvaluationEngine } from '../stages/engine.ts';
import type { GgufSource } from '../stages/open.ts';
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
}

/** A candidate's file. */
export interface Made {
  plan: Plan;
  file: string;
  fileBytes: number;
  sha256: string;
  calibration: FitResult['calibration'];
  measured: FitResult['measured'][number] | null;
}
