import { AppError } from '../../contract/errors.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import type { StudyRecipe } from '../../contract/recipe.ts';
import type { StudyResult } from '../../contract/study.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';
import { requireDense, requireSharedSlice } from '../stages/sliceable.ts';
import { withGraphs, withModel } from '../stages/open.ts';
import { totalSeconds, type JobContext } from './context.ts';
import { studyCalibrationSize } from './studies/calibration-size.ts';
import { checkStudy, methodOf } from './studies/check-study.ts';
import { studyCombination } from './studies/combination.ts';
import { openStudy, type Study } from './studies/open-study.ts';
import { checkCuts } from './studies/sliced-models.ts';
import { studyPcaPrecision } from './studies/pca-precision.ts';
import { studySparsity } from './studies/sparsity.ts';
import { studySpeed } from './studies/speed.ts';
import { checkRowsFile, writeRows } from './studies/write-rows.ts';

/** The verb `study`: rows of one model sliced in several ways, each kept as soon as it is finished (docs/studies.md). */
export async function runStudy(context: JobContext, recipe: StudyRecipe): Promise<StudyResult> {
  checkStudy(recipe);
  await checkRowsFile(recipe);
  const result = await resultOf(context, recipe);
  const { output, force } = recipe;
  if (output !== null) await writeRows({ output, force }, result, context.naming);
  return result;
}

async function resultOf(context: JobContext, recipe: StudyRecipe): Promise<StudyResult> {
  // A shared rotation is written as GGUF; per-block slices start from a folder as it is.
  if (methodOf(recipe) === 'per-block')
    return withGraphs(context, recipe.model, (source) => rowsOf(context, recipe, source));
  const model = await openModel(recipe.model);
  await model.close();
  await requireSharedSlice(model);
  return withModel(context, recipe.model, (source) => rowsOf(context, recipe, source));
}

async function rowsOf(context: JobContext, recipe: StudyRecipe, source: ModelSource): Promise<StudyResult> {
  await requireDense(source);
  await checkCuts(recipe, openDecoder(source));
  const study = await openStudy(context, recipe, source);
  const outcome = await outcomeOf(study);
  if (outcome.rows.length === 0) {
    const message = `Nothing can be measured: ${outcome.skipped.map(({ value, reason }) => `${value}: ${reason}`).join(' ')}`;
    throw new AppError('USAGE', message, { skipped: outcome.skipped });
  }
  const { text } = study;
  return {
    ...{ run: context.run, warnings: context.warnings, device: context.device, model: recipe.model },
    ...{ method: methodOf(recipe), ...outcome },
    shared: [...outcome.shared, 'The dense model runs over the evaluation windows once in a run, for all rows.'],
    dense: { ...study.dense!, parameters: source.parameters, fileBytes: source.fileBytes },
    ...{ text: text.name, textSha256: text.sha256, windows: text.windows.length, windowTokens: text.windowTokens },
    ...{ keptRows: study.keptRows, output: recipe.output },
    seconds: totalSeconds(context).total,
    stages: context.seconds,
    peakMemoryBytes: context.peakMemoryBytes,
  };
}

async function outcomeOf(study: Study) {
  const { kind } = study.recipe;
  switch (kind) {
    case 'calibration-size':
      return { kind, ...(await studyCalibrationSize(study)) };
    case 'pca-precision':
      return { kind, ...(await studyPcaPrecision(study)) };
    case 'sparsity':
      return { kind, ...(await studySparsity(study)) };
    case 'speed':
      return { kind, ...(await studySpeed(study)) };
    case 'combination':
      return { kind, ...(await studyCombination(study)) };
  }
}
