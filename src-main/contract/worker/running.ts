// Tasks of the worker that run models on onnxruntime: comparison, multiple choice, writing on, timing.
import { z } from 'zod';
import { taskItem, tokenWindow, typedArray, windowComparison } from '../llama-host-api.ts';
import { progress } from '../progress.ts';
import { sampling } from '../recipe.ts';
import { bytes } from '../units.ts';
import { graphProvider } from './device.ts';

const comparison = z.object({
  windows: z.array(windowComparison),
  /** Of all windows. */
  tokens: z.number().int(),
  seconds: z.number(),
  /** Of them, for the blocks of the reference. */
  referenceSeconds: z.number(),
  peakMemoryBytes: bytes,
});

const generateProgress = progress.extend({ ids: tokenWindow });
type GenerateProgress = z.infer<typeof generateProgress>;

export const runningTasks = {
  /** Runs two models, or the candidate alone, on their own block graphs over the same windows. */
  compareBlocks: {
    params: z.object({
      reference: z.string().nullable(),
      candidate: z.string(),
      windows: z.array(tokenWindow).min(1),
      /** A folder for hidden states that are too large for memory. */
      scratch: z.string(),
      /** A file for the hidden states of a dense reference over these windows: used where it is there, else made. */
      keptReference: z.string().nullable().optional(),
      threads: z.number().int().positive(),
      provider: graphProvider.default('cpu'),
    }),
    result: comparison,
    progress,
  },
  /** The same where at least one model is an ONNX file, which runs itself, on the processor. */
  compareLogits: {
    params: z.object({
      reference: z.string().nullable(),
      candidate: z.string(),
      windows: z.array(tokenWindow).min(1),
      /** A folder for hidden states that are too large for memory. */
      scratch: z.string(),
      threads: z.number().int().positive(),
      provider: graphProvider.default('cpu'),
    }),
    result: comparison,
    progress,
  },
  /** Log-probabilities [positions, V] after wanted positions of one window, by the model's own block graphs. */
  blockLogProbs: {
    params: z.object({
      model: z.string(),
      tokens: tokenWindow,
      positions: z.array(z.number().int().nonnegative()).min(1),
      threads: z.number().int().positive(),
      provider: graphProvider.default('cpu'),
    }),
    result: z.object({ logProbs: typedArray<Float32Array>(Float32Array) }),
  },
  /** Sums of log-probabilities of continuations after their contexts, by the model's own block graphs. */
  scoreBlocks: {
    params: z.object({
      model: z.string(),
      items: z.array(taskItem).min(1),
      /** A folder for hidden states that are too large for memory. */
      scratch: z.string(),
      threads: z.number().int().positive(),
      provider: graphProvider.default('cpu'),
    }),
    result: z.object({
      logLikelihoods: typedArray<Float64Array>(Float64Array),
      /** Rows that went through the blocks. */
      tokens: z.number().int(),
      seconds: z.number(),
      peakMemoryBytes: bytes,
    }),
    progress,
  },
  /** Writes on from a prompt with an ONNX model that Snug wrote and its cache. Progress carries the tokens that no earlier one had. */
  generate: {
    params: z.object({
      /** FILE.onnx. */
      model: z.string(),
      /** At least one token. */
      prompt: tokenWindow,
      maxTokens: z.number().int().positive(),
      /** Tokens that end the text; none of them is part of it. */
      stopIds: z.array(z.number().int().nonnegative()),
      ...sampling,
      threads: z.number().int().positive(),
      provider: graphProvider.default('cpu'),
    }),
    result: z.object({
      ids: tokenWindow,
      endedBy: z.enum(['stop', 'limit']),
      /** Of the prompt, whose last run gives the first token; and of the tokens behind that one. */
      prefillSeconds: z.number(),
      decodeSeconds: z.number(),
      peakMemoryBytes: bytes,
    }),
    progress: generateProgress,
    mergeProgress: (waiting: GenerateProgress, next: GenerateProgress): GenerateProgress => ({
      ...next,
      ids: Int32Array.of(...waiting.ids, ...next.ids),
    }),
  },
  /** Times an ONNX model that Snug wrote, with its cache, on random tokens. */
  timeModel: {
    params: z.object({
      /** FILE.onnx. */
      model: z.string(),
      /** Texts side by side. */
      batch: z.number().int().positive(),
      /** Tokens of a text that are read at once, then written one by one. */
      promptTokens: z.number().int().positive(),
      decodeTokens: z.number().int().positive(),
      /** Of the tokens. */
      seed: z.number().int().nonnegative(),
      threads: z.number().int().positive(),
      provider: graphProvider.default('cpu'),
    }),
    result: z.object({
      /** Medians of three rounds behind one that does not count; of all texts and tokens together. */
      prefillSeconds: z.number(),
      decodeSeconds: z.number(),
      /** How far a round was from the median at most, as a share of it. */
      spread: z.number(),
      peakMemoryBytes: bytes,
    }),
    progress,
  },
};
