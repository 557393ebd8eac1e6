// Writes an open sliced model as a folder: a copy, or what narrowSliced makes of it. Bytes go over as they are.
import { companionFiles, jsonBytes } from '../../export/safetensors/companion-files.ts';
import { writeModelFolder } from '../../export/safetensors/model-folder-writer.ts';
import type { FolderResult } from '../../export/safetensors/model-folder-writer.ts';
import { AppError } from '../../../contract/errors.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { slicingFile } from '../slicing-config.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';

export interface SaveSlicedRequest {
  decoder: SlicedDecoder;
  /** Made where only its parent is there; must be empty unless `force` is set. */
  folder: string;
  /** Folder whose tokenizer and generation settings go along; null for none. */
  tokenizerFrom: string | null;
  force?: boolean;
  /** Most data bytes of one file of weights. @default 5e9 */
  maxShardBytes?: number;
  signal: AbortSignal;
}

/** Bytes that are read at a time. */
const slabBytes = 16 * 2 ** 20;

/** @throws OUTPUT_EXISTS, FILE_NOT_FOUND, DISK_FULL, CANCELLED; leaves nothing then */
export async function saveSliced(request: SaveSlicedRequest): Promise<FolderResult & { hasTokenizer: boolean }> {
  const { decoder, tokenizerFrom, signal } = request;
  const { model, slicing } = decoder;
  const { configJson } = model;
  if (!configJson) throw new AppError('INTERNAL', `${model.path} has no config.json.`, { path: model.path });
  const { files, hasTokenizer } = await companionFiles(model, tokenizerFrom);
  files.set('config.json', jsonBytes(configJson));
  files.set(slicingFile, jsonBytes(slicing));
  const written = await writeModelFolder({ ...request, files, tensors: model.tensors }, async (writer) => {
    for (const entry of model.tensors) await writer.writeTensor(entry.name, content(model, entry, signal));
  });
  return { ...written, hasTokenizer };
}

async function* content(model: ModelSource, entry: TensorEntry, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for (let offset = 0; offset < entry.bytes; offset += slabBytes) {
    signal.throwIfAborted();
    yield await model.read(entry, offset, Math.min(slabBytes, entry.bytes - offset));
  }
}
