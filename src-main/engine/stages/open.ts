// Opens the model of a job: a readable GGUF whose architecture llama.cpp runs.
import { AppError } from '../../contract/errors.ts';
import { openModel, type ModelSource } from '../../core/formats/model-source.ts';
import { stage, type JobContext } from '../jobs/context.ts';

export type GgufSource = ModelSource & Required<Pick<ModelSource, 'gguf'>>;

/**
 * Opens a model that llama.cpp can run, and closes it after `work`.
 * @throws UNSUPPORTED_ARCHITECTURE for folders of safetensors and for models that llama.cpp does not know
 */
export async function withModel<T>(
  context: JobContext,
  model: string,
  work: (source: GgufSource) => Promise<T>,
): Promise<T> {
  const source = await openGguf(model);
  try {
    await stage(context, 'open', () => checkRunnable(context, source));
    return await work(source);
  } finally {
    await source.close();
  }
}

async function openGguf(model: string): Promise<GgufSource> {
  const source = await openModel(model);
  if (source.gguf) return source as GgufSource;
  await source.close();
  throw new AppError(
    'UNSUPPORTED_ARCHITECTURE',
    `${model} is a safetensors folder, and this version works on GGUF files. Convert it with llama.cpp's convert_hf_to_gguf.py, or download its GGUF.`,
    { model, architecture: source.config.architecture },
  );
}

async function checkRunnable(context: JobContext, { path, config }: GgufSource): Promise<void> {
  try {
    await context.llama((client) => client.describe({ model: path }, { signal: context.signal }));
  } catch (error) {
    const appError = AppError.from(error);
    const log = JSON.stringify(appError.details['log'] ?? '');
    if (!/unknown model architecture/.test(log)) throw appError;
    throw new AppError(
      'UNSUPPORTED_ARCHITECTURE',
      `${path} has the architecture "${config.architecture}", which this release of llama.cpp does not run.`,
      { model: path, architecture: config.architecture },
      appError,
    );
  }
}

/**
 * Runs a measurement; where it meets NaN or infinity, looks for the weight that is to blame.
 * @throws NON_FINITE with the file, tensor and element where a weight is not finite
 */
export async function blamingWeights<T>(
  context: JobContext,
  models: readonly string[],
  measure: () => Promise<T>,
): Promise<T> {
  try {
    return await measure();
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'NON_FINITE')) throw error;
    for (const source of models) {
      await context.worker((client) =>
        client.checkWeights({ source, threads: context.threads }, { signal: context.signal }),
      );
    }
    throw error;
  }
}
