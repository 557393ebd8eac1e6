// Writes a decoder as a Hugging Face folder that transformers loads: weights, config.json, tokenizer.
import { AppError } from '../../../contract/errors.ts';
import type { Progress } from '../../../contract/progress.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { safetensorsBytes } from '../../formats/safetensors-layout.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { Throughput } from '../../quantization/throughput.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import { decoderContent } from '../weights/decoder-content.ts';
import { folderTensors } from '../weights/decoder-tensors.ts';
import { companionFiles, jsonBytes } from './companion-files.ts';
import { configJsonOf } from './config-json.ts';
import { writeModelFolder } from './model-folder-writer.ts';
import type { FolderResult } from './model-folder-writer.ts';

export interface SafetensorsRequest {
  decoder: Decoder;
  /** Made where only its parent is there; must be empty unless `force` is set. */
  folder: string;
  /** Of matrices; vectors are F32. */
  type: WeightType;
  /** Further JSON files by name. */
  extra?: { 'slicing.json'?: JsonObject };
  /** Folder of the source, for its tokenizer and generation settings; null: a GGUF header's own. */
  tokenizerFrom: string | null;
  /** Replace a model that is there. @default false */
  force?: boolean;
  /** Most data bytes of one file of weights. @default 5e9 */
  maxShardBytes?: number;
  dequantize: Dequantize;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface SafetensorsResult extends FolderResult {
  /** False where only the weights could be written: the folder runs ids, but no text. */
  hasTokenizer: boolean;
}

/**
 * Writes the folder; a failure or a cancel leaves nothing of it.
 * @throws UNSUPPORTED_ARCHITECTURE when no config.json says what the decoder computes, OUTPUT_EXISTS, FILE_NOT_FOUND,
 * NON_FINITE, UNSUPPORTED_TYPE, DISK_FULL, CANCELLED
 */
export async function writeSafetensorsFolder(request: SafetensorsRequest): Promise<SafetensorsResult> {
  const { decoder, type, extra = {}, dequantize, signal } = request;
  try {
    const { files, hasTokenizer } = await companionFiles(decoder.model, request.tokenizerFrom);
    for (const [name, value] of Object.entries(extra)) files.set(name, jsonBytes(value));
    files.set('config.json', jsonBytes(await configJsonOf(decoder, type, dequantize)));

    // Vectors first: the writer puts wider types before, and in its order the checksum costs nothing.
    const tensors = folderTensors(decoder, type).toSorted((a, b) => a.shape.length - b.shape.length);
    const written = await writeModelFolder({ ...request, files, tensors }, async (writer) => {
      const totalBytes = tensors.reduce((sum, tensor) => sum + safetensorsBytes(tensor), 0);
      const throughput = new Throughput('export', totalBytes, request.progress);
      const source = { model: decoder.model, headDim: decoder.config.headDim, dequantize, signal };
      for (const tensor of tensors) {
        await writer.writeTensor(tensor.name, decoderContent(tensor, source, throughput));
      }
    });
    return { ...written, hasTokenizer };
  } catch (error) {
    throw AppError.from(error);
  }
}
