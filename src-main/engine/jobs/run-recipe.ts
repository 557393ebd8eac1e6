// From a recipe to its result: one function per verb. What a recipe writes is claimed before any work.
import type { JobResult } from '../../contract/job.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { planModel } from '../planner/plan-model.ts';
import { runCalibrate } from './calibrate.ts';
import { withModel } from '../stages/open.ts';
import type { JobContext } from './context.ts';
import { runEvaluate } from './evaluate.ts';
import { runFit } from './fit.ts';
import { runGenerate } from './generate.ts';
import { runInvariance } from './invariance.ts';
import { claimingOutput } from './output-claim.ts';
import { runQuantize } from './quantize.ts';
import { runSlice } from './slice.ts';
import { runStudy } from './study.ts';

/** Runs a recipe, alone with its output. @throws OUTPUT_EXISTS where another run is at it */
export function runRecipe(context: JobContext, recipe: Recipe): Promise<JobResult> {
  const output = 'output' in recipe ? recipe.output : null;
  const run = (): Promise<JobResult> => runVerb(context, recipe);
  return output === null ? run() : claimingOutput(output, run);
}

async function runVerb(context: JobContext, recipe: Recipe): Promise<JobResult> {
  switch (recipe.verb) {
    case 'calibrate':
      return { verb: 'calibrate', value: await runCalibrate(context, recipe) };
    case 'quantize':
      return { verb: 'quantize', value: await runQuantize(context, recipe) };
    case 'slice':
      return { verb: 'slice', value: await runSlice(context, recipe) };
    case 'invariance':
      return { verb: 'invariance', value: await runInvariance(context, recipe) };
    case 'evaluate':
      return { verb: 'evaluate', value: await runEvaluate(context, recipe) };
    case 'plan': {
      const { list } = await withModel(context, recipe.model, (source) =>
        planModel(context, source, { ...recipe, importance: true }),
      );
      return { verb: 'plan', value: { ...list, warnings: [...context.warnings, ...list.warnings] } };
    }
    case 'fit':
      return { verb: 'fit', value: await runFit(context, recipe) };
    case 'generate':
      return { verb: 'generate', value: await runGenerate(context, recipe) };
    case 'study':
      return { verb: 'study', value: await runStudy(context, recipe) };
  }
}
