// What a job can do with an ONNX file that Snug wrote: the file itself runs, in onnxruntime.
import { AppError } from '../../contract/errors.ts';
import type { EvaluateRecipe } from '../../contract/recipe.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import { refusalOfFile } from './engine.ts';

/**
 * Checks that an evaluation can be made where one of `models` is an ONNX file; the other runs on our own graphs.
 * @throws UNSUPPORTED_ARCHITECTURE for llama.cpp, and where the other has no graphs; USAGE for tasks of an ONNX file
 */
export async function requireOnnxEngine(
  { evaluation, tasks, model }: EvaluateRecipe,
  models: readonly string[],
): Promise<'onnx'> {
  const file = models.find(isOnnxFile)!;
  if (evaluation.engine === 'llama.cpp') {
    const message = `llama.cpp does not run ${file}. Use --engine auto or onnx to evaluate it.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { engine: evaluation.engine, models: [...models] });
  }
  if (tasks.length > 0 && isOnnxFile(model)) {
    const message = `Multiple-choice tasks are not scored on an ONNX file: evaluate the folder or GGUF that ${model} was made from with --tasks.`;
    throw new AppError('USAGE', message, { model, tasks });
  }
  for (const other of models.filter((path) => !isOnnxFile(path))) {
    const reason = await refusalOfFile(other);
    if (reason === null) continue;
    const message = `${reason} Only a model with graphs can be compared with an ONNX file.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { models: [...models] });
  }
  return 'onnx';
}
