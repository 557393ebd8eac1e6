// Multiple-choice tasks of a model: on our own graphs or in llama.cpp, whichever engine measures the job.
import type { CallOptions } from '../../contract/define-api.ts';
import type { Progress } from '../../contract/progress.ts';
import type { DeviceName } from '../../contract/recipe.ts';
import type { EvaluateResult } from '../../contract/results.ts';
import { scoreTask, taskItems } from '../../core/evaluation/tasks.ts';
import type { Task, TaskItem } from '../../core/evaluation/tasks.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { chooseDevice, graphProvider } from './device.ts';
import type { EvaluationEngine } from './engine.ts';
import { blamingWeights } from './open.ts';
import { textModel } from './texts.ts';

interface TaskRun {
  model: string;
  engine: EvaluationEngine;
  device: DeviceName;
  /** Whose tokenizer reads the questions; null for the model's own. */
  tokenizer: string | null;
}

/** Answers the questions of one task file. @throws NON_FINITE with the file, tensor and element where a weight is not finite */
export async function runTask(
  context: JobContext,
  task: Task,
  { model, engine, device, tokenizer }: TaskRun,
): Promise<EvaluateResult['tasks'][number]> {
  return stage(context, 'tasks', async () => {
    const { contextLength, tokenize } = await textModel(context, { model, tokenizer });
    const items = await taskItems(task, tokenize, contextLength);
    const control = { signal: context.signal, onProgress: reportAs(context, 'tasks', task.name) };
    const logLikelihoods =
      engine === 'onnx'
        ? await scoreOnGraphs(context, { model, items, device }, control)
        : await scoreInLlama(context, { model, items, device }, control);
    return { name: task.name, examples: task.examples.length, ...scoreTask(task.examples, logLikelihoods), engine };
  });
}

interface Items extends Omit<TaskRun, 'engine' | 'tokenizer'> {
  items: TaskItem[];
}

async function scoreOnGraphs(
  context: JobContext,
  { model, items, device }: Items,
  control: CallOptions<Progress>,
): Promise<Float64Array> {
  const { threads, scratch } = context;
  const provider = await graphProvider(context, device);
  const params = { model, items, scratch, threads, provider };
  return blamingWeights(context, [model], async () => {
    const scored = await context.worker((client) => client.scoreBlocks(params, control));
    notePeakMemory(context, scored.peakMemoryBytes);
    return scored.logLikelihoods;
  });
}

async function scoreInLlama(
  context: JobContext,
  { model, items, device }: Items,
  control: CallOptions<Progress>,
): Promise<Float64Array> {
  const { gpuLayers } = await chooseDevice(context, device, [model]);
  const settings = { gpuLayers, ...context.llamaThreads };
  const scored = await context.llama((client) => client.scoreContinuations({ model, items, settings }, control));
  return scored.logLikelihoods;
}
