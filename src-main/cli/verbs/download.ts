// snug download: a model from a hub to this machine.
import type { DownloadRecipe } from '../../contract/recipe.ts';
import type { DownloadResult } from '../../contract/results.ts';
import { formatDuration } from '../../contract/units.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe } from '../recipe-parts.ts';
import { hubFields } from '../report/hub.ts';
import { warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields } from '../report/table.ts';
import type { Outcome, Verb } from '../verb.ts';

export const download: Verb = {
  name: 'download',
  summary: 'fetch a model from a hub and say where it is',
  usage: 'hub:OWNER/NAME[@REVISION][:FILE]',
  takesModel: true,
  options: ['offline', ...everywhere],
  examples: ['snug download hub:Qwen/Qwen3-0.6B', 'snug download hub:Qwen/Qwen3-0.6B-GGUF:Q8_0'],
  async run(model, { offline }, session) {
    const recipe = checkRecipe({
      verb: 'download',
      model: modelPath(model, session.resolve),
      offline,
    }) as DownloadRecipe;
    const value = await session.runJob(recipe);
    return downloadOutcome(value);
  },
};

export const downloadOutcome = (value: DownloadResult): Outcome => ({
  value,
  text: (canvas) => describe(value, canvas),
  exitCode: exitCodes.done,
});

function describe(result: DownloadResult, { style }: Canvas): string[] {
  return [
    style.strong(result.path),
    '',
    ...fields([...hubFields([result]), ['took', formatDuration(result.seconds)]]),
    ...warningLines(result.warnings, style),
  ];
}
