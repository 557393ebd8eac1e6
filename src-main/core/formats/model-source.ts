// Opens a model, whatever form it has on disk: a GGUF file or set, or a folder with config.json and safetensors.
import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { AppError, malformed } from '../../contract/errors.ts';
import { openFileSource } from './file-source.ts';
import { readGgufConfig } from './gguf-config.ts';
import { openGguf } from './gguf-reader.ts';
import type { GgufModel } from './gguf-reader.ts';
import { readHfConfig } from './hf-config.ts';
import { readJsonFile } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import type { ModelConfig, ModelExperts } from './model-config.ts';
import { openSafetensors } from './safetensors-reader.ts';
import { elementCount } from './tensor.ts';
import type { TensorEntry } from './tensor.ts';

export interface ModelSource {
  readonly kind: 'gguf' | 'safetensors';
  readonly path: string;
  readonly config: ModelConfig;
  readonly experts: ModelExperts | null;
  /** Shapes have the fastest dimension first in both forms. */
  readonly tensors: readonly TensorEntry[];
  /** Elements of all tensors but divisors of rotary frequencies; a tied output layer counts once. */
  readonly parameters: number;
  /** Of the weights: all shards, without config and tokenizer files. */
  readonly fileBytes: number;
  /** Bytes of a tensor, from `offset` inside it; by default all. */
  read(entry: TensorEntry, offset?: number, length?: number): Promise<Uint8Array>;
  /** Fills all of `target` from `offset` inside a tensor. */
  readInto(entry: TensorEntry, target: Uint8Array, offset?: number): Promise<void>;
  /** Bytes of single rows of a matrix, one after the other: of a source that computes rows, where most are not wanted. */
  gather?(entry: TensorEntry, rows: Int32Array): Promise<Uint8Array>;
  close(): Promise<void>;
  /** Of a GGUF model: its metadata and shards. */
  readonly gguf?: GgufModel;
  /** Of a folder: its config.json as parsed. */
  readonly configJson?: JsonObject;
}

/** What is known of a model before anything is read of its weights. */
export type ModelHeader = Omit<ModelSource, 'read' | 'readInto' | 'gather' | 'close'>;

/** Whether a path is named as an ONNX model is, which core/export/onnx reads. */
export const isOnnxFile = (path: string): boolean => extname(path).toLowerCase() === '.onnx';

/** What a path has to be, for messages. */
const expectedForm = 'a .gguf file, or a folder with config.json and safetensors weights';
/** Names of an output layer of its own in safetensors models. */
const headNames = new Set(['lm_head.weight', 'output.weight', 'embed_out.weight', 'language_model.lm_head.weight']);
const laterShard = /-(?!00001-)\d{5}-of-\d{5}\.gguf$/;

/**
 * Opens the model at `path`; reads headers only. Close it when done.
 * @throws FILE_NOT_FOUND when something is missing, FILE_MALFORMED when a file breaks its format, USAGE when a
 * folder holds several models or the path is an ONNX file's, UNSUPPORTED_ARCHITECTURE when a GGUF file holds no model
 */
export async function openModel(path: string): Promise<ModelSource> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new AppError('FILE_NOT_FOUND', `${path} does not exist. A model is ${expectedForm}.`, { path });
  if (found.isDirectory()) return openFolder(path);
  if (isOnnxFile(path)) {
    const message = `${path} is an ONNX model: inspect, evaluate and generate take it, a slice block by block can be cut again, and nothing else can be made of it. Name the folder or GGUF it was made from.`;
    throw new AppError('USAGE', message, { path });
  }
  if (extname(path) === '.safetensors') {
    const isShard = /-\d{5}-of-\d{5}\.safetensors$/.test(path);
    return openHfModel(isShard ? folderOf(path) : path, folderOf(path));
  }
  if (extname(path) === '.gguf' || (await hasGgufMagic(path))) return openGgufModel(path);
  throw malformed(path, 'file', { expected: expectedForm, actual: `a ${extname(path) || 'nameless'} file` });
}

/** The folder of a model that was named by it, or by a file of weights in it; a GGUF stays what it is. */
export function folderOf(model: string): string {
  if (extname(model) !== '.safetensors') return model;
  return statSync(model, { throwIfNoEntry: false })?.isDirectory() ? model : dirname(model);
}

/** `read` of a source that knows how to fill a place. */
export const readBy =
  (readInto: ModelSource['readInto']): ModelSource['read'] =>
  async (entry, offset = 0, length = entry.bytes - offset) => {
    const bytes = new Uint8Array(length);
    await readInto(entry, bytes, offset);
    return bytes;
  };

/** What errors call the config.json of a model: an ONNX file has it inside. */
export const configFileOf = (model: string): string =>
  isOnnxFile(model) ? `${model}, its snug.config,` : join(folderOf(model), 'config.json');

/** Tensors by their type. */
export function typeCounts({ tensors }: Pick<ModelSource, 'tensors'>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of tensors) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** Files of a download cache have no extension. */
async function hasGgufMagic(path: string): Promise<boolean> {
  const source = await openFileSource(path);
  try {
    return source.size >= 4 && String.fromCharCode(...(await source.read(0, 4))) === 'GGUF';
  } finally {
    await source.close();
  }
}

async function openFolder(folder: string): Promise<ModelSource> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw AppError.from(error);
  });
  if (names.some((name) => name.endsWith('.safetensors') || name.endsWith('.safetensors.index.json'))) {
    return openHfModel(folder, folder);
  }
  const models = names
    .filter((name) => name.endsWith('.gguf') && !name.startsWith('mmproj') && !laterShard.test(name))
    .sort();
  if (models.length === 1) return openGgufModel(join(folder, models[0]!));
  if (models.length > 1) {
    throw new AppError('USAGE', `${folder} holds ${models.length} models; name one of them: ${models.join(', ')}.`, {
      path: folder,
      models,
    });
  }
  const pickled = names.find((name) => /\.(bin|pt|pth)$/.test(name));
  const advice =
    pickled === undefined
      ? `A model is ${expectedForm}.`
      : `${pickled} is a pickled file, which Snug does not read: convert it to safetensors.`;
  throw new AppError('FILE_NOT_FOUND', `${folder} holds no model. ${advice}`, { path: folder, missing: 'model' });
}

async function openGgufModel(path: string): Promise<ModelSource> {
  const gguf = await openGguf(path);
  try {
    const type = gguf.metadata.string('general.type', 'model');
    if (type !== 'model') {
      throw new AppError(
        'UNSUPPORTED_ARCHITECTURE',
        `${path} holds no model but, as its key general.type says, ${type}.`,
        { path, type },
      );
    }
    return { ...describeFiles('gguf', gguf), ...readGgufConfig(gguf.metadata, gguf.tensors), gguf };
  } catch (error) {
    await gguf.close();
    throw error;
  }
}

/** `weights`: a safetensors file, or the folder of several; `folder`: where config.json is. */
async function openHfModel(weights: string, folder: string): Promise<ModelSource> {
  const files = await openSafetensors(weights);
  try {
    const path = join(folder, 'config.json');
    const configJson = await readJsonFile(path).catch(explainMissing);
    const { config, experts } = readHfConfig(path, configJson);
    const tiedEmbeddings = config.tiedEmbeddings ?? !files.tensors.some((entry) => headNames.has(entry.name));
    return { ...describeFiles('safetensors', files), config: { ...config, tiedEmbeddings }, experts, configJson };
  } catch (error) {
    await files.close();
    throw error;
  }
}

function explainMissing(error: unknown): never {
  if (error instanceof AppError && error.code === 'FILE_NOT_FOUND') {
    const path = String(error.details['path']);
    throw new AppError(
      'FILE_NOT_FOUND',
      `${path} is missing: safetensors weights need the ${basename(path)} of their model beside them.`,
      { path },
      error,
    );
  }
  throw error;
}

/** Divisors of rotary frequencies, which GGUF files have as tensors and folders in their config: no parameters. */
const ropeDivisors = /^rope_(freqs|factors_\w+)\.weight$/;

/** Elements of the tensors that are parameters. */
export const weightCount = (tensors: readonly Pick<TensorEntry, 'name' | 'shape'>[]): number =>
  tensors.reduce((sum, { name, shape }) => sum + (ropeDivisors.test(name) ? 0 : elementCount(shape)!), 0);

type OpenFiles = Pick<ModelSource, 'path' | 'tensors' | 'fileBytes' | 'read' | 'readInto' | 'close'>;

function describeFiles<K extends ModelSource['kind']>(
  kind: K,
  files: OpenFiles,
): OpenFiles & { kind: K; parameters: number } {
  const { path, tensors, fileBytes, read, readInto, close } = files;
  const parameters = weightCount(tensors);
  return { kind, path, tensors, parameters, fileBytes, read, readInto, close };
}
