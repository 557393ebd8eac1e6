// Tasks of the worker that read and write whole model files.
import { z } from 'zod';
import { statisticsEntry } from '../llama-host-api.ts';
import { progress } from '../progress.ts';
import { keptPart, writtenTensors } from '../resuming.ts';
import { slicingConfig } from '../results.ts';
import { bytes } from '../units.ts';

export const fileTasks = {
  /** Writes `output` from `source` with the given type per tensor (others are copied byte for byte). */
  quantize: {
    params: z.object({
      source: z.string(),
      output: z.string(),
      types: z.record(z.string(), z.string()),
      /** llama.cpp's file-type number for general.file_type; null keeps the source's. */
      fileType: z.number().int().nullable(),
      importance: z.string().nullable(),
      kept: keptPart.optional(),
      threads: z.number().int().positive(),
    }),
    result: z.object({
      ...writtenTensors,
      /** Experts (tensor slices) that no calibration token reached; they were quantised without importance. */
      unseenExperts: z.number().int(),
      /** Tensors of the source with 5 bits or less per weight that were quantised again. */
      requantized: z.number().int(),
      seconds: z.number(),
      peakMemoryBytes: bytes,
    }),
    progress,
  },
  /** Writes llama.cpp's imatrix GGUF from the raw sums of the llama host. */
  writeImportance: {
    params: z.object({
      raw: z.string(),
      entries: z.array(statisticsEntry),
      output: z.string(),
      datasets: z.array(z.string()),
      chunks: z.number().int(),
      chunkSize: z.number().int(),
    }),
    result: z.object({ fileBytes: bytes, weights: z.number().int(), unseenExperts: z.number().int() }),
  },
  /** Writes a Hugging Face folder as a GGUF with the weights it has, or its header on a file of full size. */
  convert: {
    params: z.object({ folder: z.string(), output: z.string(), headerOnly: z.boolean().optional() }),
    result: z.object({ fileBytes: bytes, hasTokenizer: z.boolean(), peakMemoryBytes: bytes }),
    progress,
  },
  /** Reads every tensor of a model once; throws NON_FINITE with the tensor, or FILE_MALFORMED. */
  checkWeights: {
    params: z.object({ source: z.string(), threads: z.number().int().positive() }),
    result: z.object({ tensors: z.number().int(), bytes }),
    progress,
  },
  /** Writes a model of a family with graphs as an ONNX file, one sliced block by block too, or as a Hugging Face folder with safetensors. */
  exportModel: {
    params: z.object({
      source: z.string(),
      output: z.string(),
      form: z.enum(['onnx', 'safetensors']),
      /** Of matrices; vectors are F32. ONNX takes F32 and F16. */
      type: z.enum(['F32', 'F16', 'BF16']),
      /** Replace files that are there already. */
      force: z.boolean(),
      /** A folder's: whose tokenizer files go along, null for the GGUF's own. */
      tokenizerFrom: z.string().nullable(),
      /** How the model was sliced, which the output says; a folder that was sliced block by block says so itself. */
      slicing: slicingConfig.nullable(),
    }),
    result: z.object({
      fileBytes: bytes,
      sha256: z.string(),
      /** Of a folder. */
      hasTokenizer: z.boolean(),
      peakMemoryBytes: bytes,
    }),
    progress,
  },
};
