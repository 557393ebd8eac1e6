import type { EvaluateRecipe } from '../../contract/recipe.ts';
import type { EvaluateResult } from '../../contract/results.ts';
import { readTask } from '../../core/evaluation/tasks.ts';
import { openOnnxModel } from '../../core/export/onnx/open-onnx-model.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import { chooseEngine } from '../stages/engine.ts';
import { requireOnnxEngine } from '../stages/onnx-file.ts';
import { evaluate } from '../stages/evaluate.ts';
import { withGraphs, withModel } from '../stages/open.ts';
import { runTask } from '../stages/tasks.ts';
import { openEvaluation } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { checkGate, gateOf } from './gate.ts';

/** The verb `evaluate`: perplexity, comparison with a reference, multiple-choice tasks. */
export async function runEvaluate(context: JobContext, recipe: EvaluateRecipe): Promise<EvaluateResult> {
  checkGate(recipe.evaluation, recipe.against !== null);
  const tasks = await Promise.all(recipe.tasks.map((file) => readTask(file)));
  const models = recipe.against === null ? [recipe.model] : [recipe.model, recipe.against];
  const engine = models.some(isOnnxFile)
    ? await requireOnnxEngine(recipe, models)
    : await chooseEngine(context, recipe, models);
  // llama.cpp has GGUF files only; our own graphs take a model as it is, and onnxruntime an ONNX file.
  const pathOf = engine === 'onnx' ? graphsPath : runnerPath;
  const candidate = await pathOf(context, recipe.model);
  const reference = recipe.against === null ? null : await pathOf(context, recipe.against);
  const { tokenizer, device } = recipe;
  const source = { model: candidate, tokenizer };
  const text = await stage(context, 'tokenize', () => openEvaluation(context, source, recipe.evaluation, []));
  const { weightsOnly } = recipe.evaluation;
  const evaluated = await evaluate(context, { candidate, reference, text, engine, device, weightsOnly });
  const scores = [];
  for (const task of tasks) scores.push(await runTask(context, task, { ...source, engine, device }));
  const gate = gateOf(recipe.evaluation, evaluated.quality);
  return {
    run: context.run,
    warnings: context.warnings,
    device: evaluated.device,
    ...evaluated.quality,
    tasks: scores,
    tokensPerSecond: evaluated.tokensPerSecond,
    ...(gate ? { gate } : {}),
    seconds: totalSeconds(context).total,
  };
}

const runnerPath = (context: JobContext, model: string): Promise<string> =>
  withModel(context, model, async ({ path }) => path);
const graphsPath = async (context: JobContext, model: string): Promise<string> =>
  isOnnxFile(model) ? (await openOnnxModel(model)).path : withGraphs(context, model, async ({ path }) => path);
