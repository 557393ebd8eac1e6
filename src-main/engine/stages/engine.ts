// Which engine measures a job's models: all of them by one, or their numbers could not be compared.
import { AppError } from '../../contract/errors.ts';
import type { EvaluationOptions } from '../../contract/recipe.ts';
import type { Quality } from '../../contract/results.ts';
import { graphRefusal } from '../../core/architectures/graph-refusal.ts';
import { openModel } from '../../core/formats/model-source.ts';
import type { JobContext } from '../jobs/context.ts';
import { chooseDevice } from './device.ts';

export type EvaluationEngine = Quality['engine'];

/**
 * Our own graphs where all of `models` have them: they know every weight exactly as the file has it, and cost no expansion.
 * But where llama.cpp would run on a GPU, `auto` takes llama.cpp, which is faster by far there than our graphs are on the
 * processor. What is made of a model (quantised, sliced) has graphs where the model has.
 * @throws UNSUPPORTED_ARCHITECTURE for `onnx` where a model has no graphs; DEVICE_UNAVAILABLE
 */
export async function chooseEngine(
  context: JobContext,
  { evaluation, device }: { evaluation: EvaluationOptions; device: string },
  models: readonly string[],
): Promise<EvaluationEngine> {
  const { engine } = evaluation;
  if (engine === 'llama.cpp') return engine;
  const reason = await firstRefusal(models);
  if (engine === 'onnx') {
    if (reason === null) return engine;
    const message = `${reason} Use --engine auto or llama.cpp to evaluate it.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { engine, models: [...models] });
  }
  if (reason !== null) return 'llama.cpp';
  // llama.cpp does not run there.
  if (device === 'webgpu') return 'onnx';
  const { gpuLayers } = await chooseDevice(context, device, models);
  return gpuLayers === 0 ? 'onnx' : 'llama.cpp';
}

async function firstRefusal(models: readonly string[]): Promise<string | null> {
  for (const model of models) {
    const reason = await refusalOfFile(model);
    if (reason !== null) return reason;
  }
  return null;
}

/** Why there are no graphs for a model file; null where there are. */
export async function refusalOfFile(file: string): Promise<string | null> {
  const model = await openModel(file);
  try {
    return graphRefusal(model);
  } finally {
    await model.close();
  }
}
