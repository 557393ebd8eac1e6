// What the worker does: tensor arithmetic on files, through the native addon. One task per method.
import { z } from 'zod';
import { defineApi } from './define-api.ts';
import { statisticsEntry } from './llama-host-api.ts';
import { progress } from './progress.ts';
import { bytes } from './units.ts';

export const ggmlTypeRow = z.object({
  id: z.number().int(),
  name: z.string(),
  blockSize: z.number().int(),
  typeSize: z.number().int(),
  canQuantize: z.boolean(),
  canDequantize: z.boolean(),
  requiresImportance: z.boolean(),
});

export const workerApi = defineApi({
  methods: {
    identify: {
      params: z.object({}),
      result: z.object({ ggmlVersion: z.string(), types: z.array(ggmlTypeRow), onnxProviders: z.array(z.string()) }),
    },
    /** Writes `output` from `source` with the given type per tensor (others are copied byte for byte). */
    quantize: {
      params: z.object({
        source: z.string(),
        output: z.string(),
        types: z.record(z.string(), z.string()),
        /** llama.cpp's file-type number for general.file_type; null keeps the source's. */
        fileType: z.number().int().nullable(),
        importance: z.string().nullable(),
        threads: z.number().int().positive(),
      }),
      result: z.object({
        fileBytes: bytes,
        sha256: z.string(),
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
    /** Writes a Hugging Face folder as a GGUF with the weights it has. */
    convert: {
      params: z.object({ folder: z.string(), output: z.string() }),
      result: z.object({ fileBytes: bytes, hasTokenizer: z.boolean(), peakMemoryBytes: bytes }),
      progress,
    },
    /** Reads every tensor of a model once; throws NON_FINITE with the tensor, or FILE_MALFORMED. */
    checkWeights: {
      params: z.object({ source: z.string(), threads: z.number().int().positive() }),
      result: z.object({ tensors: z.number().int(), bytes }),
      progress,
    },
  },
  events: {},
});
export type WorkerApi = typeof workerApi;
