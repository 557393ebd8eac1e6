// The download verb: a model from a hub to this machine, and nothing else.
import type { DownloadRecipe } from '../../contract/recipe.ts';
import type { DownloadResult } from '../../contract/results.ts';
import { downloadModel } from '../stages/hub.ts';
import { totalSeconds, type JobContext } from './context.ts';

export async function runDownload(context: JobContext, recipe: DownloadRecipe): Promise<DownloadResult> {
  const model = await downloadModel(context, recipe);
  return {
    ...{ run: context.run, ...model, path: model.path! },
    seconds: totalSeconds(context).total,
    warnings: context.warnings,
  };
}
