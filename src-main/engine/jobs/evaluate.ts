import type { EvaluateRecipe } from '../../contract/recipe.ts';
import type { EvaluateResult } from '../../contract/results.ts';
import { readTask } from '../../core/evaluation/tasks.ts';
import { chooseEngine } from '../stages/engine.ts';
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
  const engine = await chooseEngine(context, recipe, models);
  // llama.cpp has GGUF files only; our own graphs take a model as it is.
  const pathOf = engine === 'onnx' ? graphsPath : runnerPath;
  const candidate = await pathOf(context, recipe.model);
  const reference = recipe.against === null ? null : await pathOf(context, recipe.against);
  const text = await stage(context, 'tokenize', () => openEvaluation(context, candidate, recipe.evaluation, []));
  const { weightsOnly } = recipe.evaluation;
  const evaluated = await evaluate(context, { candidate, reference, text, engine, device: recipe.device, weightsOnly });
  const scores = [];
  for (const task of tasks)
    scores.push(await runTask(context, task, { model: candidate, engine, device: recipe.device }));
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
const graphsPath = (context: JobContext, model: string): Promise<string> =>
  withGraphs(context, model, async ({ path }) => path);
