// The outcome of a job of whatever verb: of a run that is taken up again, or begun from another one's recipe.
import type { JobResult } from '../contract/job.ts';
import type { Recipe } from '../contract/recipe.ts';
import { exitCodes } from './exit-codes.ts';
import type { Outcome } from './verb.ts';
import { calibrateOutcome } from './verbs/calibrate.ts';
import { downloadOutcome } from './verbs/download.ts';
import { evaluateOutcome } from './verbs/evaluate.ts';
import { fitOutcome } from './verbs/fit.ts';
import { invarianceOutcome } from './verbs/invariance.ts';
import { planOutcome } from './verbs/plan.ts';
import { quantizeOutcome } from './verbs/quantize.ts';
import { sliceOutcome } from './verbs/slice.ts';
import { studyOutcome } from './verbs/study.ts';

export function outcomeOf(result: JobResult, recipe: Recipe): Outcome {
  switch (result.verb) {
    case 'calibrate':
      return calibrateOutcome(result.value);
    case 'download':
      return downloadOutcome(result.value);
    case 'evaluate':
      return evaluateOutcome(result.value);
    case 'fit':
      return fitOutcome(result.value, recipe as Extract<Recipe, { verb: 'fit' }>);
    case 'invariance':
      return invarianceOutcome(result.value);
    case 'plan':
      return planOutcome(result.value);
    case 'quantize':
      return quantizeOutcome(result.value);
    case 'slice':
      return sliceOutcome(result.value);
    case 'study':
      return studyOutcome(result.value);
    case 'generate':
      return { value: result.value, text: () => [result.value.text], exitCode: exitCodes.done };
  }
}
