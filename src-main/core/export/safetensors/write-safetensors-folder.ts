// Writes a decoder as a Hugging Face folder that transformers loads: weights, config.json, tokenizer. Nothing appears
// under its name before all of it is complete; the weights come last, without which no folder is taken for a model.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { Progress } from '../../../contract/progress.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { createOutput } from '../../formats/output-file.ts';
import type { OutputFile } from '../../formats/output-file.ts';
import { createSafetensorsWriter } from '../../formats/safetensors-writer.ts';
import type { SafetensorsWriter } from '../../formats/safetensors-writer.ts';
import { safetensorsBytes } from '../../formats/safetensors-layout.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { Throughput } from '../../quantization/throughput.ts';
import type { WeightType } from '../hf-to-gguf/plan-tensors.ts';
import { decoderContent } from '../weights/decoder-content.ts';
import { folderTensors } from '../weights/decoder-tensors.ts';
import { ofAllFiles } from '../weights/written-files.ts';
import { companionFiles, companionNames, jsonBytes } from './companion-files.ts';
import { configJsonOf } from './config-json.ts';

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

export interface SafetensorsResult {
  /** Of the weights: all files. */
  fileBytes: number;
  /** Of the weights' file; of several: of their lines `HASH  NAME`, in order. */
  sha256: string;
  /** False where only the weights could be written: the folder runs ids, but no text. */
  hasTokenizer: boolean;
}

/**
 * Writes the folder; a failure or a cancel leaves nothing of it.
 * @throws UNSUPPORTED_ARCHITECTURE when no config.json says what the decoder computes, OUTPUT_EXISTS, FILE_NOT_FOUND,
 * NON_FINITE, UNSUPPORTED_TYPE, DISK_FULL, CANCELLED
 */
export async function writeSafetensorsFolder(request: SafetensorsRequest): Promise<SafetensorsResult> {
  const { decoder, folder, type, extra = {}, dequantize, signal, force = false, maxShardBytes } = request;
  try {
    signal.throwIfAborted();
    if (!force) await refuseUsed(folder);
    const { files, hasTokenizer } = await companionFiles(decoder.model, request.tokenizerFrom);
    for (const [name, value] of Object.entries(extra)) files.set(name, jsonBytes(value));
    files.set('config.json', jsonBytes(await configJsonOf(decoder, type, dequantize)));

    // Vectors first: the writer puts wider types before, and in its order the checksum costs nothing.
    const tensors = folderTensors(decoder, type).toSorted((a, b) => a.shape.length - b.shape.length);
    const options = { metadata: { format: 'pt' }, force, ...(maxShardBytes === undefined ? {} : { maxShardBytes }) };
    const writer = await createSafetensorsWriter(folder, tensors, options);
    const outputs: OutputFile[] = [];
    try {
      const totalBytes = tensors.reduce((sum, tensor) => sum + safetensorsBytes(tensor), 0);
      const throughput = new Throughput('export', totalBytes, request.progress);
      const source = { model: decoder.model, headDim: decoder.config.headDim, dequantize, signal };
      for (const tensor of tensors) {
        await writer.writeTensor(tensor.name, decoderContent(tensor, source, throughput));
      }
      for (const [name, content] of files) {
        const output = await createOutput(join(folder, name), { force, expectedBytes: content.length });
        outputs.push(output);
        await output.write(content, 0);
      }
      signal.throwIfAborted();
      const weights = await commitAll(writer, outputs);
      for (const name of companionNames) if (!files.has(name)) await rm(join(folder, name), { force: true });
      return { ...ofAllFiles(weights), hasTokenizer };
    } catch (error) {
      for (const output of outputs) await output.discard();
      await writer.discard();
      throw error;
    }
  } catch (error) {
    throw AppError.from(error);
  }
}

/** Gives the small files and then the weights their names; a failure takes all of them back. */
async function commitAll(
  writer: SafetensorsWriter,
  outputs: readonly OutputFile[],
): ReturnType<SafetensorsWriter['finish']> {
  const committed: string[] = [];
  try {
    for (const output of outputs) {
      await output.commit();
      committed.push(output.path);
    }
    return await writer.finish();
  } catch (error) {
    for (const path of committed) await rm(path, { force: true });
    throw error;
  }
}

async function refuseUsed(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw AppError.from(error);
  });
  if (names.length === 0) return;
  const message = `${folder} is not empty: choose another folder, or use --force to replace the model in it.`;
  throw new AppError('OUTPUT_EXISTS', message, { path: folder });
}
