import type { InvarianceRecipe } from '../../contract/recipe.ts';
import { invariance, type InvarianceResult } from '../../contract/results.ts';
import { requireDense } from '../stages/sliceable.ts';
import { runInvarianceCheck } from '../stages/invariance.ts';
import { withGraphs } from '../stages/open.ts';
import { openEvaluation } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';

/** The verb `invariance`: a rotation without slicing has to leave logits and perplexity as they were. */
export async function runInvariance(context: JobContext, recipe: InvarianceRecipe): Promise<InvarianceResult> {
  return withGraphs(context, recipe.model, async (source) => {
    await requireDense(source);
    const { device, evaluation } = recipe;
    const text = await stage(context, 'tokenize', () => openEvaluation(context, source.path, evaluation, []));
    const found = await runInvarianceCheck(context, { model: source.path, device, windows: text.windows });
    return {
      run: context.run,
      warnings: context.warnings,
      device: context.device,
      ...invariance.parse(found),
      text: text.name,
      textSha256: text.sha256,
      seconds: totalSeconds(context).total,
      peakMemoryBytes: context.peakMemoryBytes,
    };
  });
}
