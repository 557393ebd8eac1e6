// What kept runs made of a model, as steps of a plan, and what each lost.
import { jobResult, type JobResult } from '../../contract/job.ts';
import type { PlanStep } from '../../contract/plan.ts';
import { recipe as recipeSchema, type Precision, type Recipe } from '../../contract/recipe.ts';
import type { FitResult, SliceResult } from '../../contract/results.ts';
import type { KnownLoss } from '../../core/planning/measured-plans.ts';
import { sliceStep } from '../../core/planning/slices.ts';
import { jsonOf, type MeasuringRun } from '../catalog/history.ts';
import { floatTypeOf } from '../stages/slice.ts';

/** None for a run that is damaged, or that another version of Snug kept in another form. */
export function knownLosses({ run, verb, recipe, result }: MeasuringRun): KnownLoss[] {
  const asked = recipeSchema.safeParse(jsonOf(recipe));
  const came = jobResult.safeParse({ verb, value: jsonOf(result) });
  if (!asked.success || !came.success) return [];
  if (asked.data.verb === 'fit' && came.data.verb === 'fit') return ofFit(run, asked.data.precision, came.data.value);
  const steps = stepsOf(asked.data, came.data);
  const quality = 'quality' in came.data.value ? came.data.value.quality : undefined;
  return steps && quality ? [{ run, steps, quality }] : [];
}

/** Plans are of 64 bits; a shared rotation takes float32 products summed in float64 for those (docs/per-block.md). */
const isPlanned = (precision: Precision): boolean => precision !== 'fp32';

/** The plan that was made, and those that were measured beside it. */
function ofFit(run: string, precision: Precision, { plan, plans, measured, quality }: FitResult): KnownLoss[] {
  const beside = measured.flatMap(({ id, quality: found }): KnownLoss[] => {
    const steps = plans.find((one) => one.id === id)?.steps;
    return steps ? [{ run, steps, quality: found }] : [];
  });
  const all = [...(plan && quality ? [{ run, steps: plan.steps, quality }] : []), ...beside];
  return all.filter(({ steps }) => isPlanned(precision) || !steps.some(({ method }) => method === 'slice'));
}

/** null for what no plan makes. */
function stepsOf(recipe: Recipe, result: JobResult): PlanStep[] | null {
  if (recipe.verb === 'quantize' && result.verb === 'quantize') {
    const importance = recipe.importance !== 'off';
    return [{ method: 'quantize', type: result.value.type, pure: recipe.pure, importance }];
  }
  return recipe.verb === 'slice' && result.verb === 'slice' && isPlanned(recipe.precision)
    ? sliceSteps(recipe.importance, result.value)
    : null;
}

/** Of a slice in a quantised type. Plans name no float type: theirs is the source's own. */
function sliceSteps(
  importance: string,
  { method, type, widths, sparsity, orientation }: SliceResult,
): PlanStep[] | null {
  if (method !== 'shared' || floatTypeOf(type) !== null) return null;
  const { hidden_size: hiddenSize } = widths;
  const width = Math.round(hiddenSize * (1 - sparsity));
  return [
    sliceStep(width, hiddenSize, { isQuantized: true, wished: orientation }),
    { method: 'quantize', type, pure: false, importance: importance !== 'off' },
  ];
}
