import path from 'node:path';
import type { CalibrateRecipe } from '../../contract/recipe.ts';
import type { CalibrateResult } from '../../contract/results.ts';
import { calibrate } from '../stages/importance.ts';
import { withModel } from '../stages/open.ts';
import { totalSeconds, type JobContext } from './context.ts';
import { checkOutput, cleaning, refuseInputs, unfinishedName } from './output-paths.ts';
import { publish } from './publish.ts';

/** The verb `calibrate`: importance of a model on text, as an imatrix GGUF. */
export async function runCalibrate(context: JobContext, recipe: CalibrateRecipe): Promise<CalibrateResult> {
  await checkOutput(recipe, [recipe.model]);
  const { device, calibration } = recipe;
  const output = path.resolve(recipe.output);
  const file = unfinishedName(output);
  const calibrated = await withModel(context, recipe.model, async ({ path: model, config, gguf }) => {
    await refuseInputs(
      output,
      gguf.shards.map(({ name }) => name),
    );
    return cleaning([file], async () => {
      const made = await calibrate(context, {
        model,
        hiddenSize: config.hiddenSize,
        device,
        calibration,
        output: file,
      });
      await publish(file, recipe, context.naming);
      return made;
    });
  });
  return {
    run: context.run,
    warnings: context.warnings,
    device: calibrated.device,
    output,
    weights: calibrated.weights,
    tokens: calibrated.use.tokens,
    unseenExperts: calibrated.unseenExperts,
    textSha256: calibrated.use.textSha256,
    calibration: calibrated.use,
    seconds: totalSeconds(context).total,
  };
}
