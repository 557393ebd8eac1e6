// Plans: ways to make a model fit, with exact bytes and predicted loss.
import { z } from 'zod';
import { hubModels } from './hub-model.ts';
import { kvType } from './llama-host-api.ts';
import { target } from './target.ts';
import { bytes } from './units.ts';

/** One thing that a plan does, in order. `slice` and `quantize` make a new file; the others are settings of the runner. */
export const planStep = z.discriminatedUnion('method', [
  z.object({
    method: z.literal('slice'),
    /** One rotation for the whole residual stream (docs/slicing.md). */
    kind: z.literal('shared'),
    width: z.number().int(),
    hiddenSize: z.number().int(),
    /** 1 - width / hiddenSize. */
    sparsity: z.number(),
    orientation: z.enum(['pca', 'random', 'hadamard']),
  }),
  z.object({
    method: z.literal('quantize'),
    /** A named mix of llama.cpp, or one type on all tensors. */
    type: z.string(),
    pure: z.boolean(),
    importance: z.boolean(),
  }),
  z.object({ method: z.literal('kv-cache'), type: kvType }),
  z.object({ method: z.literal('context'), tokens: z.number().int() }),
  z.object({
    method: z.literal('cpu-layers'),
    layers: z.number().int(),
    gpuLayers: z.number().int(),
    flag: z.string(),
  }),
  z.object({ method: z.literal('cpu-experts'), layers: z.number().int(), flag: z.string() }),
]);
export type PlanStep = z.infer<typeof planStep>;
export type SliceStep = Extract<PlanStep, { method: 'slice' }>;
/** Settings of the runner: they make no file. */
export type RunnerStep = Exclude<PlanStep, { method: 'quantize' | 'slice' }>;

export const planMemory = z.object({
  weightsBytes: bytes,
  kvBytes: bytes,
  buffersBytes: bytes,
  reserveBytes: bytes,
  totalBytes: bytes,
  /** llama.cpp: its own breakdown. formula: parts of it were split by tensor sizes. */
  basis: z.enum(['llama.cpp', 'formula']),
  /** Needed in system memory besides, for layers or experts that stay on the CPU. */
  systemBytes: bytes,
});
export type PlanMemory = z.infer<typeof planMemory>;

/** A model that loses more than this many nats per token writes nonsense. */
export const unusableLoss = 1;

export const prediction = z.object({
  kld: z.number(),
  kldLow: z.number(),
  kldHigh: z.number(),
  perplexityRatio: z.number(),
  basis: z.enum(['measured', 'predicted', 'prior']),
});
export type Prediction = z.infer<typeof prediction>;

/** A thing to know of a plan, for programs. */
export const planRemark = z.discriminatedUnion('kind', [
  z.object({
    kind: z.enum(['narrower', 'narrower-wished', 'folder-written', 'of-no-use', 'source-quantised', 'cache-type']),
  }),
  /** Matrices whose rows are no multiple of the type's block, and the types that llama.cpp gives them. */
  z.object({
    kind: z.literal('fallback'),
    fallen: z.number().int(),
    matrices: z.number().int(),
    blockSize: z.number().int(),
    types: z.array(z.string()),
  }),
  /** `flag`: how the runner is told. */
  z.object({ kind: z.literal('slower'), flag: z.string() }),
  /** What an earlier run measured the loss on. */
  z.object({
    kind: z.literal('measured'),
    run: z.string(),
    windows: z.number().int(),
    windowTokens: z.number().int(),
    text: z.string(),
  }),
]);
export type PlanRemark = z.infer<typeof planRemark>;

export const plan = z.object({
  id: z.string(),
  summary: z.string(),
  steps: z.array(planStep),
  fileBytes: bytes,
  memory: planMemory,
  fits: z.boolean(),
  predicted: prediction,
  cost: z.object({ seconds: z.number(), peakMemoryBytes: bytes, diskBytes: bytes }),
  /** Things to know: tensors that fall back to other types, a quantised source, a slower runner. */
  notes: z.array(z.string()),
  /** The notes one by one; missing in results of older versions. */
  remarks: z.array(planRemark).optional(),
});
export type Plan = z.infer<typeof plan>;

export const planList = z.object({
  target,
  verdict: z.string(),
  /** The best that fits; a slice only where nothing else fits or was asked for, because only a measurement chooses one. */
  best: z.string().nullable(),
  plans: z.array(plan),
  /** Why there are no slices among the plans; null where there could be. */
  sliceRefusal: z.string().nullable(),
  warnings: z.array(z.string()),
  ...hubModels,
});
export type PlanList = z.infer<typeof planList>;
