// From a recipe to its result: one function per verb. What a recipe writes is claimed before any work.
import type { JobResult } from '../../contract/job.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { plannedFit } from '../../core/planning/cost.ts';
import { planModel } from '../planner/plan-model.ts';
import { localRecipe, type OnLocal } from '../stages/hub.ts';
import { runCalibrate } from './calibrate.ts';
import { withHeaders } from '../stages/open.ts';
import type { JobContext } from './context.ts';
import { runDownload } from './download.ts';
import { runEvaluate } from './evaluate.ts';
import { runFit } from './fit.ts';
import { runGenerate } from './generate.ts';
import { runInvariance } from './invariance.ts';
import { claimingOutput, refuseTaken } from './output-claim.ts';
import { refuseRelativePaths } from './recipe-paths.ts';
import { runQuantize } from './quantize.ts';
import { runSlice } from './slice.ts';
import { runStudy } from './study.ts';

/** Runs a recipe, alone with its output. @throws OUTPUT_EXISTS where another run is at it */
export function runRecipe(context: JobContext, recipe: Recipe, onLocal: OnLocal): Promise<JobResult> {
  const output = 'output' in recipe ? recipe.output : null;
  const run = (): Promise<JobResult> => runAnywhere(context, recipe, onLocal);
  return output === null ? run() : claimingOutput(output, run);
}

/** What can be refused before a recipe's turn comes. @throws as refuseRelativePaths and refuseTaken */
export async function refuseEarly(recipe: Recipe): Promise<void> {
  refuseRelativePaths(recipe);
  if (!('output' in recipe) || recipe.output === null) return;
  await refuseTaken({ output: recipe.output, force: 'force' in recipe && recipe.force });
}

/** Models on a hub are fetched first, and the result says which. */
async function runAnywhere(context: JobContext, recipe: Recipe, onLocal: OnLocal): Promise<JobResult> {
  if (recipe.verb === 'download') return { verb: 'download', value: await runDownload(context, recipe) };
  const { local, used } = await localRecipe(context, recipe, onLocal);
  const result = await runVerb(context, local);
  return used.length === 0 ? result : ({ ...result, value: { ...result.value, hub: used } } as JobResult);
}

async function runVerb(
  context: JobContext,
  recipe: Exclude<Recipe, { verb: 'download' }>,
): Promise<Exclude<JobResult, { verb: 'download' }>> {
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
      const { list } = await withHeaders(context, recipe.model, (source) =>
        planModel(context, source, plannedFit(recipe)),
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
