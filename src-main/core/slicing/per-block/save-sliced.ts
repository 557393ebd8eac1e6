// Writes an open sliced model as a folder: a copy, or what narrowSliced makes of it.
import { companionFiles, jsonBytes } from '../../export/safetensors/companion-files.ts';
import { torchTypes } from '../../export/safetensors/config-json.ts';
import { writeModelFolder } from '../../export/safetensors/model-folder-writer.ts';
import type { FolderResult } from '../../export/safetensors/model-folder-writer.ts';
import { AppError } from '../../../contract/errors.ts';
import { firstNonFinite } from '../../formats/finite-check.ts';
import { bytesPerElement, convertFloats, floatAt } from '../../formats/float-values.ts';
import type { FloatType } from '../../formats/float-values.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { slicingFile } from '../slicing-config.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';

export interface SaveSlicedRequest {
  decoder: SlicedDecoder;
  /** Made where only its parent is there; must be empty unless `force` is set. */
  folder: string;
  /** Folder whose tokenizer and generation settings go along; null for none. */
  tokenizerFrom: string | null;
  /** Of matrices; null: each tensor keeps its own. @default null */
  type?: WeightType | null;
  force?: boolean;
  /** Most data bytes of one file of weights. @default 5e9 */
  maxShardBytes?: number;
  signal: AbortSignal;
}

/** Bytes that are read at a time. */
const slabBytes = 16 * 2 ** 20;

/**
 * A failure or a cancel leaves nothing.
 * @throws OUTPUT_EXISTS, FILE_NOT_FOUND, DISK_FULL, CANCELLED, NON_FINITE where a value has no finite form in `type`
 */
export async function saveSliced(request: SaveSlicedRequest): Promise<FolderResult & { hasTokenizer: boolean }> {
  const { decoder, tokenizerFrom, type = null, signal } = request;
  const { model, slicing } = decoder;
  const { configJson } = model;
  if (!configJson) throw new AppError('INTERNAL', `${model.path} has no config.json.`, { path: model.path });
  const { files, hasTokenizer } = await companionFiles(model, tokenizerFrom);
  files.set('config.json', jsonBytes(type === null ? configJson : { ...configJson, torch_dtype: torchTypes[type] }));
  files.set(slicingFile, jsonBytes(slicing));
  const tensors = model.tensors.map(({ name, shape, type: own }) => ({
    ...{ name, shape },
    type: type === null || shape.length === 1 ? own : type,
  }));
  const written = await writeModelFolder({ ...request, files, tensors }, async (writer) => {
    for (const [index, entry] of model.tensors.entries()) {
      await writer.writeTensor(entry.name, content(model, entry, tensors[index]!.type, signal));
    }
  });
  return { ...written, hasTokenizer };
}

async function* content(
  model: ModelSource,
  entry: TensorEntry,
  type: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  for (let offset = 0; offset < entry.bytes; offset += slabBytes) {
    signal.throwIfAborted();
    const bytes = await model.read(entry, offset, Math.min(slabBytes, entry.bytes - offset));
    requireFiniteSource(model.path, entry, { bytes, offset });
    yield type === entry.type ? bytes : converted(entry, { bytes, offset }, type as WeightType);
  }
}

/** @throws NON_FINITE naming the model, tensor and element */
function requireFiniteSource(
  file: string,
  { name, type }: TensorEntry,
  { bytes, offset }: { bytes: Uint8Array; offset: number },
): void {
  const index = firstNonFinite(type, bytes);
  if (index === -1) return;
  const element = offset / bytesPerElement(type as FloatType) + index;
  const value = String(floatAt(bytes, type as FloatType, index));
  const message = `${file} holds ${value} in element ${element} of tensor ${name}: the model is damaged. Get it again, or slice the dense model again.`;
  throw new AppError('NON_FINITE', message, { path: file, tensor: name, element, value });
}

/** `bytes` of a tensor, which begin `offset` bytes behind its first. @throws NON_FINITE */
function converted(
  { name, type: own }: TensorEntry,
  { bytes, offset }: { bytes: Uint8Array; offset: number },
  type: WeightType,
): Uint8Array {
  const source = own as FloatType;
  const result = convertFloats(bytes, source, type);
  const index = firstNonFinite(type, result);
  if (index === -1) return result;
  const element = offset / bytesPerElement(source) + index;
  const value = String(floatAt(bytes, source, index));
  const message = `Tensor ${name} holds ${value} in element ${element}, which has no finite form in ${type}: write it as F32.`;
  throw new AppError('NON_FINITE', message, { tensor: name, element, value, type });
}
