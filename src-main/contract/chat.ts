// The original and what was made of it, answering the same question side by side.
import { z } from 'zod';
import { errorShape } from './errors.ts';
import { bytes } from './units.ts';

export const askRequest = z.object({
  /** A run of the history that made a model. */
  run: z.string(),
  question: z.string().trim().min(1).max(16_384),
  /** That each side writes at most. */
  tokens: z.number().int().positive().max(1024).default(160),
  /** 0: always the most likely token; above, drawn by `seed`. */
  temperature: z.number().min(0).max(2).default(0),
  seed: z.number().int().nonnegative().max(0xffff_ffff).default(42),
  /** Put the question into the turns of the model's chat template, where it has one; false: it is continued as text. */
  asChat: z.boolean().default(true),
  /** Ask although a run computes, which both slow down. */
  besideRun: z.boolean().default(false),
});
export type AskRequest = z.infer<typeof askRequest>;

const written = { text: z.string(), tokens: z.number().int() };

export const askSide = z.discriminatedUnion('state', [
  /** It is looked at, or waits for the other side to end. */
  z.object({ state: z.literal('waiting') }),
  /** Its file is being read, or brought into the form that can write; `share` from 0 to 1. */
  z.object({ state: z.literal('loading'), share: z.number() }),
  z.object({ state: z.literal('writing'), ...written, tokensPerSecond: z.number().nullable() }),
  z.object({
    state: z.literal('done'),
    ...written,
    promptTokens: z.number().int(),
    endedBy: z.enum(['stop', 'limit']),
    /** Of the tokens behind the first; null for a single one. */
    tokensPerSecond: z.number().nullable(),
    device: z.string(),
    engine: z.enum(['llama.cpp', 'onnx']),
    file: z.string(),
  }),
  /** It cannot answer here, and why: no file, not enough memory with the figures. */
  z.object({ state: z.literal('refused'), error: errorShape }),
  /** It began and failed; what it wrote before is kept. */
  z.object({ state: z.literal('failed'), error: errorShape, text: z.string() }),
]);
export type AskSide = z.infer<typeof askSide>;

/** `template`: the turns of the model's chat template; else plain text, because there is none, or none that llama.cpp knows, or none was wanted. */
export const promptForm = z.enum(['template', 'no template', 'unknown template', 'plain']);
export type PromptForm = z.infer<typeof promptForm>;

export const asking = z.object({
  /** null until it is known. */
  form: promptForm.nullable(),
  /** Both at once; false: one after the other, as memory does not hold both. null until it is known, and where one side cannot answer. */
  together: z.boolean().nullable(),
  original: askSide,
  compressed: askSide,
});
export type Asking = z.infer<typeof asking>;

export const askResult = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('asked'), ...asking.shape }),
  /** A run computes: nothing was done. `neededBytes` is the memory that it may still take. */
  z.object({
    outcome: z.literal('busy'),
    run: z.string(),
    verb: z.string(),
    model: z.string(),
    neededBytes: bytes.nullable(),
  }),
]);
export type AskResult = z.infer<typeof askResult>;
