import type { InvarianceRecipe } from '../../contract/recipe.ts';
import type { InvarianceResult } from '../../contract/results.ts';
import { requireGraphs } from '../stages/sliceable.ts';
import { runInvarianceCheck } from '../stages/invariance.ts';
import { withModel } from '../stages/open.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';

/** The verb `invariance`: a rotation without slicing has to leave logits and perplexity as they were. */
export async function runInvariance(context: JobContext, recipe: InvarianceRecipe): Promise<InvarianceResult> {
  return withModel(context, recipe.model, async (source) => {
    requireGraphs(source);
    const { device, evaluation } = recipe;
    const openText = (): Promise<EvaluationTokens> =>
      stage(context, 'tokenize', () => openEvaluation(context, source.path, evaluation, []));
    const { text, ...found } = await runInvarianceCheck(context, { model: source.path, device, openText });
    return {
      run: context.run,
      warnings: context.warnings,
      device: context.device,
      ...found,
      text: text.name,
      textSha256: text.sha256,
      seconds: totalSeconds(context).total,
      peakMemoryBytes: context.peakMemoryBytes,
    };
  });
}
