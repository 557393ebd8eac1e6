// Which engine measures a job's models: all of them by one, or their numbers could not be compared.
import { AppError } from '../../contract/errors.ts';
import type { EvaluationOptions } from '../../contract/recipe.ts';
import type { Quality } from '../../contract/results.ts';
import { isSlicedPerBlock } from '../../core/architectures/decoder.ts';
import { conversionRefusal } from '../../core/export/hf-to-gguf/convert-folder.ts';
import { openModel, type ModelSource } from '../../core/formats/model-source.ts';
import { runnableRefusal } from '../../core/slicing/per-block/runnable-refusal.ts';
import type { JobContext } from '../jobs/context.ts';
import { chooseDevice } from './device.ts';

export type EvaluationEngine = Quality['engine'];

/**
 * Our own graphs where all of `models` have them: they know every weight exactly as the file has it, and cost no expansion.
 * But where llama.cpp would run on a GPU, `auto` takes llama.cpp, which is faster by far there than our graphs are on the
 * processor. What is made of a model (quantised, sliced) has graphs where the model has.
 * @throws UNSUPPORTED_ARCHITECTURE for `onnx` where a model has no graphs; DEVICE_UNAVAILABLE; FILE_NOT_FOUND and
 * FILE_MALFORMED for a damaged model, which is no case for the other engine
 */
export async function chooseEngine(
  context: JobContext,
  { evaluation, device }: { evaluation: EvaluationOptions; device: string },
  models: readonly string[],
): Promise<EvaluationEngine> {
  const { engine } = evaluation;
  const onlyGraphs = await firstReason(models, withoutRunner);
  if (engine === 'llama.cpp') {
    if (onlyGraphs === null) return engine;
    const message = `${onlyGraphs} Use --engine auto or onnx to evaluate it.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { engine, models: [...models] });
  }
  const reason = await firstReason(models, runnableRefusal);
  if (engine === 'onnx') {
    if (reason === null) return engine;
    const message = `${reason} Use --engine auto or llama.cpp to evaluate it.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { engine, models: [...models] });
  }
  if (reason !== null) {
    // llama.cpp would be no way out, and its refusal not the reason.
    if ((await firstReason(models, slicedReason)) === null) return 'llama.cpp';
    throw new AppError('UNSUPPORTED_ARCHITECTURE', reason, { engine, models: [...models] });
  }
  // llama.cpp does not run there, or not these.
  if (device === 'webgpu' || onlyGraphs !== null) return 'onnx';
  const { gpuLayers } = await chooseDevice(context, device, models);
  return gpuLayers === 0 ? 'onnx' : 'llama.cpp';
}

async function firstReason(
  models: readonly string[],
  reasonOf: (model: ModelSource) => Promise<string | null>,
): Promise<string | null> {
  for (const path of models) {
    const model = await openModel(path);
    try {
      const reason = await reasonOf(model);
      if (reason !== null) return reason;
    } finally {
      await model.close();
    }
  }
  return null;
}

/** Why only our graphs can have a model that was sliced block by block; null of any other. */
const slicedReason = async (model: ModelSource): Promise<string | null> =>
  isSlicedPerBlock(model) ? conversionRefusal(model) : null;

/** Why llama.cpp cannot have a model that is no GGUF; null where it can, once converted. */
const withoutRunner = async (model: ModelSource): Promise<string | null> =>
  model.gguf ? null : conversionRefusal(model);

/** Why there are no graphs for a model; null where there are. */
export const refusalOfFile = (file: string): Promise<string | null> => firstReason([file], runnableRefusal);
