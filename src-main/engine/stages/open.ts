// Opens the model of a job: a readable GGUF whose architecture llama.cpp runs, or a folder that becomes one.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { openOnnxModel } from '../../core/export/onnx/open-onnx-model.ts';
import { openOnnxSlice } from '../../core/export/onnx/open-onnx-slice.ts';
import { folderOf, isOnnxFile, openModel, type ModelSource } from '../../core/formats/model-source.ts';
import type { RunnableModel } from '../../core/graph/hidden-states.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';

/** `isConverted`: made from the folder `original` for this job; its file goes with the job. */
export type GgufSource = ModelSource &
  Required<Pick<ModelSource, 'gguf'>> & {
    isConverted: boolean;
    /** What the user named. */
    original: string;
  };

/**
 * Opens a model that llama.cpp can run, and closes it after `work`; a folder of safetensors is converted for it first.
 * @throws UNSUPPORTED_ARCHITECTURE for models that llama.cpp or the conversion does not know
 */
export async function withModel<T>(
  context: JobContext,
  model: string,
  work: (source: GgufSource) => Promise<T>,
): Promise<T> {
  return withOpened(context, await openAsGguf(context, model, false), work);
}

/** As withModel, for work that reads no weights: a folder is converted in outline only. */
export async function withHeaders<T>(
  context: JobContext,
  model: string,
  work: (source: GgufSource) => Promise<T>,
): Promise<T> {
  return withOpened(context, await openAsGguf(context, model, true), work);
}

async function withOpened<T>(
  context: JobContext,
  source: GgufSource,
  work: (source: GgufSource) => Promise<T>,
): Promise<T> {
  try {
    await stage(context, 'open', () => checkRunnable(context, source));
    return await work(source);
  } finally {
    await source.close();
  }
}

/**
 * Opens a model that Snug's own graphs run, and closes it after `work`: a GGUF, or a folder as it is, sliced block by
 * block or not. @throws UNSUPPORTED_ARCHITECTURE with the reason where there are no graphs
 */
export async function withGraphs<T>(
  context: JobContext,
  model: string,
  work: (source: ModelSource, model: RunnableModel) => Promise<T>,
): Promise<T> {
  const source = await openModel(model);
  try {
    const runnable = await stage(context, 'open', () => openRunnable(source));
    return await work(source, runnable);
  } finally {
    await source.close();
  }
}

/** As withGraphs, for what cuts a model: an ONNX file of a slice block by block is one too. @throws as withGraphs and openOnnxSlice */
export async function withCuttable<T>(
  context: JobContext,
  model: string,
  work: (source: ModelSource, model: RunnableModel) => Promise<T>,
): Promise<T> {
  if (!isOnnxFile(model)) return withGraphs(context, model, work);
  const slice = await stage(context, 'open', () => openOnnxSlice(model));
  try {
    return await work(slice.model, slice);
  } finally {
    await slice.model.close();
  }
}

/** Every file that makes up the model that a user named. */
export async function filesOf(model: string): Promise<string[]> {
  if (isOnnxFile(model)) return (await openOnnxModel(model)).files;
  const source = await openModel(model);
  await source.close();
  if (source.gguf) return source.gguf.shards.map(({ name }) => name);
  const folder = folderOf(source.path);
  return (await readdir(folder)).map((name) => path.join(folder, name));
}

/**
 * What tells a model's files from others, and from themselves once they have changed: place, size and times of each. Programs
 * that copy set the first time as they like (cp -p, rsync -t), none sets the second.
 */
export async function identityOf(
  model: string,
): Promise<[place: string, size: number, mtimeMs: number, ctimeMs: number][]> {
  const files = await filesOf(model);
  return Promise.all(
    files.toSorted().map(async (file) => {
      const { size, mtimeMs, ctimeMs } = await stat(file);
      return [path.resolve(file), size, mtimeMs, ctimeMs];
    }),
  );
}

/** Whether the model can read text at all; without, it takes token ids. */
export async function hasVocabulary({ gguf, path: model }: Pick<ModelSource, 'gguf' | 'path'>): Promise<boolean> {
  if (gguf) return !['', 'none', 'no_vocab'].includes(gguf.metadata.string('tokenizer.ggml.model', ''));
  const names = await readdir(folderOf(model));
  return names.includes('tokenizer.json') || names.includes('tokenizer.model');
}

async function openAsGguf(context: JobContext, model: string, headerOnly: boolean): Promise<GgufSource> {
  const source = await openModel(model);
  const { gguf } = source;
  if (gguf) return { ...source, gguf, isConverted: false, original: model };
  await source.close();
  const made = await openModel(await converted(context, model, headerOnly));
  return { ...made, gguf: made.gguf!, isConverted: true, original: model };
}

/** The folder as a GGUF with the weights it has, or with none, in the job's scratch folder. */
async function converted(context: JobContext, folder: string, headerOnly: boolean): Promise<string> {
  const output = path.join(context.scratch, `converted-${conversions++}.gguf`);
  return stage(context, 'convert', async () => {
    const { hasTokenizer, peakMemoryBytes } = await context.worker((client) =>
      client.convert(
        { folder, output, headerOnly },
        { signal: context.signal, onProgress: reportAs(context, 'convert') },
      ),
    );
    notePeakMemory(context, peakMemoryBytes);
    if (!hasTokenizer)
      context.warnings.push(`${folder} has no tokenizer: the model takes token ids (.tokens.json), but no text.`);
    return output;
  });
}

let conversions = 0;

async function checkRunnable(context: JobContext, { path, config }: GgufSource): Promise<void> {
  try {
    await context.describe(path);
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
 * @throws NON_FINITE with the file, tensor and element where a weight is not finite, else as `measure` does
 */
export async function blamingWeights<T>(
  context: JobContext,
  models: readonly string[],
  measure: () => Promise<T>,
): Promise<T> {
  try {
    return await measure();
  } catch (error) {
    if (!isNonFinite(error)) throw error;
    for (const source of models) await blameWeights(context, source);
    throw error;
  }
}

/** @throws NON_FINITE, CANCELLED; a search that fails otherwise says nothing, and what was met stands. */
async function blameWeights(context: JobContext, source: string): Promise<void> {
  try {
    await context.worker((client) =>
      client.checkWeights({ source, threads: context.threads }, { signal: context.signal }),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (isNonFinite(error)) throw error;
  }
}

const isNonFinite = (error: unknown): boolean => error instanceof AppError && error.code === 'NON_FINITE';
