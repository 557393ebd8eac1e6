// Slicing block by block (SliceGPT as published): a folder or an ONNX model with shortcut matrices, which Snug and
// onnxruntime run and llama.cpp does not.
import { AppError } from '../../contract/errors.ts';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { PerBlockSliceResult, SlicingConfig } from '../../contract/results.ts';
import { folderOf, isOnnxFile, openModel, typeCounts, type ModelSource } from '../../core/formats/model-source.ts';
import { evaluate } from '../stages/evaluate.ts';
import { filesOf, withCuttable } from '../stages/open.ts';
import { checkForm, floatTypeOf } from '../stages/slice.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { exportOutput, type Written } from './export-output.ts';
import { checkGate, gateOf } from './gate.ts';
import { companionHashes } from './output-files.ts';
import { outputForm } from './output-names.ts';
import { checkAnyOutput, cleaning, unfinishedName } from './output-paths.ts';
import { makeFolder, planCut, type PerBlockCut } from './per-block-folder.ts';
import { keepingComplete, publishFolder } from './publish.ts';

/** A folder or an ONNX model of `recipe.model`, measured against it. @throws USAGE, UNSUPPORTED_ARCHITECTURE before any work */
export async function runPerBlockSlice(context: JobContext, recipe: SliceRecipe): Promise<PerBlockSliceResult> {
  // A model may be named by a file of weights in its folder.
  const inputs = isOnnxFile(recipe.model) ? await filesOf(recipe.model) : [recipe.model, folderOf(recipe.model)];
  await checkAnyOutput(recipe, inputs);
  checkGate(recipe.evaluation, recipe.evaluate);
  checkPerBlockForm(recipe);
  return withCuttable(context, recipe.model, async (source, model) => {
    const cut = await planCut(recipe, model);
    const folder = unfinishedName(recipe.output, 'folder');
    return cleaning([folder], async () => {
      const text = recipe.evaluate ? await evaluationText(context, recipe, cut) : null;
      const made = await makeFolder(context, recipe, cut, folder);
      const tensorTypes = await typesIn(folder);
      const finished = await finish(context, { recipe, source, folder, text, widths: made.widths });
      return {
        run: context.run,
        warnings: context.warnings,
        device: context.device,
        output: recipe.output,
        method: 'per-block',
        type: floatTypeOf(recipe.type)!,
        sourceBytes: source.fileBytes,
        tensorTypes,
        ...made,
        ...finished, // bytes and hash of an ONNX file take the place of the folder's
        seconds: totalSeconds(context).total,
        stages: context.seconds,
        peakMemoryBytes: context.peakMemoryBytes,
      };
    });
  });
}

/** @throws USAGE */
function checkPerBlockForm(recipe: SliceRecipe): void {
  const { output, importance, evaluation } = recipe;
  if (outputForm(output) === 'gguf') {
    const message =
      'Per-block slicing keeps a matrix of its own for every step of a layer, for which GGUF and its runners have no place: name a folder or an .onnx file, or use --method shared.';
    throw new AppError('USAGE', message, { option: '--method', method: 'per-block', output });
  }
  checkForm(recipe, 'quantised types need --method shared and a .gguf file');
  if (importance !== 'on') {
    const message = '--importance is for quantised types, which a per-block slice does not have.';
    throw new AppError('USAGE', message, { option: '--importance', importance });
  }
  if (evaluation.engine === 'llama.cpp' || evaluation.weightsOnly) {
    const message = 'llama.cpp cannot run a per-block slice: leave --engine and --weights-only away.';
    throw new AppError('USAGE', message, { option: '--engine' });
  }
}

const evaluationText = (context: JobContext, recipe: SliceRecipe, cut: PerBlockCut): Promise<EvaluationTokens> =>
  stage(context, 'tokenize', () => {
    const calibrationTexts = cut.kind === 'dense' ? recipe.calibration.texts : [];
    const from = { model: cut.decoder.model.path, tokenizer: recipe.tokenizer };
    return openEvaluation(context, from, recipe.evaluation, calibrationTexts);
  });

async function typesIn(folder: string): Promise<Record<string, number>> {
  const model = await openModel(folder);
  await model.close();
  return typeCounts(model);
}

interface Finish {
  recipe: SliceRecipe;
  source: ModelSource;
  /** Complete, under its unfinished name. */
  folder: string;
  text: EvaluationTokens | null;
  widths: SlicingConfig;
}

type Finished = Pick<PerBlockSliceResult, 'quality' | 'gate'> & Partial<Written>;

/** Measures the folder and gives it, or the ONNX model that it becomes, its name. A complete folder is not lost to a failure. */
async function finish(context: JobContext, options: Finish): Promise<Finished> {
  const { recipe: target, folder, widths } = options;
  const measured = await keepingComplete(folder, { target, as: 'unproved' }, () => measure(context, options));
  return keepingComplete(folder, { target, as: 'unpublished' }, async () => {
    if (outputForm(target.output) === 'onnx') {
      return { ...measured, ...(await exportOutput(context, { recipe: target, file: folder, folder: null, widths })) };
    }
    const companions = await companionHashes(folder);
    await publishFolder(folder, target, context.naming);
    return { ...measured, companions };
  });
}

/** Against the model that was cut; nothing where there is no text. */
async function measure(context: JobContext, { recipe, source, folder, text }: Finish): Promise<Finished> {
  if (!text) return {};
  const { quality } = await evaluate(context, {
    candidate: folder,
    reference: source.path,
    text,
    device: recipe.device,
    engine: 'onnx',
    weightsOnly: false,
  });
  const gate = gateOf(recipe.evaluation, quality);
  return gate ? { quality, gate } : { quality };
}
