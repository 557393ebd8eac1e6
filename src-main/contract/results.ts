// Results of the verbs: what `--json` prints and the window shows.
import { z } from 'zod';
import { hubModel, hubModels } from './hub-model.ts';
import { plan, prediction } from './plan.ts';
import { orientation, precision, signals } from './recipe.ts';
import { bytes } from './units.ts';

export const perplexity = z.object({ perplexity: z.number(), standardError: z.number() });

export const quality = z.object({
  engine: z.enum(['onnx', 'llama.cpp']),
  kind: z.enum(['weights-only', 'as-run']),
  /** Sides that are ONNX files, which ran themselves; missing where none is. */
  onnxFiles: z.array(z.enum(['dense', 'compressed'])).optional(),
  text: z.string(),
  textSha256: z.string(),
  windows: z.number().int(),
  windowTokens: z.number().int(),
  dense: perplexity.optional(),
  compressed: perplexity,
  perplexityRatio: z.number().optional(),
  perplexityRatioStandardError: z.number().optional(),
  kld: z.object({ mean: z.number(), standardError: z.number(), p99: z.number() }).optional(),
  topOneAgreement: z.number().optional(),
  topOneStandardError: z.number().optional(),
});
export type Quality = z.infer<typeof quality>;

export const proof = z.object({
  runner: z.literal('llama.cpp'),
  build: z.string(),
  loaded: z.boolean(),
  positions: z.number().int(),
  /** What the runner's log-probabilities of the file were held against: Snug's own forward of the same file, or, where
   * there are no graphs for it, the runner's of the source. */
  against: z.enum(['own forward', 'source']),
  /** Largest change of a log-probability over tokens that either side gives p >= 0.01. */
  maxLogProbDifference: z.number().nullable(),
  /** Its limit; null where none can be set (`against` the source). */
  logProbTolerance: z.number().nullable(),
  /** Mean KL divergence to what it is held `against`; both are null where the file could not be run. */
  meanKld: z.number().nullable(),
  /** Limit of meanKld. */
  tolerance: z.number(),
  /** The runner's mean KL divergence to the source, with its limit; null where the file is the source. */
  toSource: z.object({ meanKld: z.number().nullable(), tolerance: z.number() }).nullable(),
  passed: z.boolean(),
  sample: z.string(),
  /** All that llama.cpp allocates at the plan's context and cache type: for the header planned, and for the file written. */
  memory: z.object({ plannedBytes: bytes, reportedBytes: bytes }),
  peakMemoryBytes: bytes,
  reason: z.string().nullable(),
});
export type Proof = z.infer<typeof proof>;

export const gate = z.object({
  limit: z.number(),
  value: z.number(),
  passed: z.boolean(),
  measure: z.enum(['kld', 'ratio']),
});

export const calibrationUse = z.object({ samples: z.number().int(), tokens: z.number().int(), textSha256: z.string() });

const common = { run: z.string(), warnings: z.array(z.string()), device: z.string(), ...hubModels };
/** Seconds per stage. */
const stageSeconds = z.record(z.string(), z.number());

export const calibrateResult = z.object({
  ...common,
  output: z.string(),
  weights: z.number().int(),
  tokens: z.number().int(),
  unseenExperts: z.number().int(),
  textSha256: z.string(),
  calibration: calibrationUse,
  seconds: z.number(),
});
export type CalibrateResult = z.infer<typeof calibrateResult>;

/** What every verb tells of a model that it wrote. */
/** The tensor of the file at which an interrupted writing went on. */
const resumedAtTensor = z.number().int().nullable();

const writtenModel = {
  ...common,
  output: z.string(),
  type: z.string(),
  parametersBefore: z.number().int(),
  parametersAfter: z.number().int(),
  fileBytes: bytes,
  sha256: z.string(),
  tensorTypes: z.record(z.string(), z.number().int()),
  quality: quality.optional(),
  proof: proof.optional(),
  gate: gate.optional(),
  seconds: z.number(),
  stages: stageSeconds,
  peakMemoryBytes: bytes,
};

export const quantizeResult = z.object({
  ...writtenModel,
  method: z.literal('quantize'),
  widths: z.null(),
  resumedAtTensor,
  unseenExperts: z.number().int(),
  calibration: calibrationUse.nullable(),
});
export type QuantizeResult = z.infer<typeof quantizeResult>;

/** Whether a rotation without slicing left a model's function as it was. */
export const invariance = z.object({
  tokens: z.number().int(),
  largestLogit: z.number(),
  maxLogitDifference: z.number(),
  /** Limit of maxLogitDifference. */
  tolerance: z.number(),
  perplexityBefore: z.number(),
  perplexityAfter: z.number(),
  /** Largest |QᵀQ - I|. */
  orthogonality: z.number(),
  passed: z.boolean(),
});
export type Invariance = z.infer<typeof invariance>;

export const invarianceResult = invariance.extend({
  ...common,
  text: z.string(),
  textSha256: z.string(),
  seconds: z.number(),
  peakMemoryBytes: bytes,
});
export type InvarianceResult = z.infer<typeof invarianceResult>;

const widthPerLayer = z.record(z.string(), z.number().int());
/** Every width of a sliced model, under the keys of SliceGPT's saved SlicingConfig. */
export const slicingConfig = z.object({
  hidden_size: z.number().int(),
  layers_num: z.number().int(),
  do_slice_head: z.boolean(),
  parallel_blocks: z.boolean(),
  embedding_dimensions: widthPerLayer,
  attention_input_dimensions: widthPerLayer,
  attention_output_dimensions: widthPerLayer,
  mlp_input_dimensions: widthPerLayer,
  mlp_output_dimensions: widthPerLayer,
  head_dimension: z.number().int().nullable(),
  /** Only of models whose file lost the widths of its sites. */
  const_dimension: z.number().int().nullable(),
});
export type SlicingConfig = z.infer<typeof slicingConfig>;

const slicedModel = {
  ...writtenModel,
  widths: slicingConfig,
  /** What was asked for, rounded: 1 - width / hidden size; per block the mean over the sites that are cut. */
  sparsity: z.number(),
  orientation,
  precision,
  /** Share of the signal's energy in the directions that went; per block the largest of a site, null where none was measured. */
  energyLost: z.number().nullable(),
  /** Of parametersAfter: what the output layer costs because its tie to the embedding did not survive. */
  untiedParameters: z.number().int(),
  /** Of parametersAfter: matrices that carry the residual from one basis to the next. */
  shortcutParameters: z.number().int(),
  sourceBytes: bytes,
  /** Of a folder: SHA-256 of what lies beside its weights, by name. */
  companions: z.record(z.string(), z.string()).optional(),
};

export const sharedSliceResult = z.object({
  ...slicedModel,
  method: z.literal('shared'),
  calibration: calibrationUse,
  /** The saved statistics of an earlier run served. */
  calibrationReused: z.boolean(),
  /** The layer at which an interrupted calibration went on. */
  calibrationResumedAtLayer: z.number().int().nullable(),
  resumedAtTensor,
  /** Of this model, now or before its first slice. */
  invariance,
});
export type SharedSliceResult = z.infer<typeof sharedSliceResult>;

/** What slicing found where it cut the residual. */
export const slicedSite = z.object({
  name: z.string(),
  width: z.number().int(),
  energyLost: z.number(),
  /** Largest |QᵀQ - I|. */
  orthogonality: z.number(),
});

export const perBlockSliceResult = z.object({
  ...slicedModel,
  method: z.literal('per-block'),
  scheduler: z.enum(['constant', 'variance', 'file']),
  /** With `orientation`, `precision` and `paperCompat` those of the first slice, where one was cut again. */
  signals,
  paperCompat: z.boolean(),
  /** Of the variance scheduler: the share of its energy that every site keeps at least. */
  retained: z.number().nullable(),
  /** Where the residual was cut, in order; empty of a model that had been sliced before, whose directions are known. */
  sites: z.array(slicedSite),
  /** The layer at which an interrupted slicing went on. */
  resumedAtLayer: z.number().int().nullable(),
  /** null where none was needed. */
  calibration: calibrationUse.nullable(),
  invariance: invariance.nullable(),
});
export type PerBlockSliceResult = z.infer<typeof perBlockSliceResult>;

export const sliceResult = z.discriminatedUnion('method', [sharedSliceResult, perBlockSliceResult]);
export type SliceResult = z.infer<typeof sliceResult>;

const measuredLoss = z.object({ kld: z.number(), standardError: z.number() });
const expectedLoss = prediction.pick({ kld: true, kldLow: true, kldHigh: true });
/** By the id of its plan. `settings`: what the plan's settings count besides its loss, in nats per token. */
const measuredPlan = measuredLoss.extend({ plan: z.string(), settings: z.number() });

/** Why the slices of a fit came to what they did. Plans by their ids. */
export const sliceReason = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['fits-as-is', 'nothing-fits', 'not-measured', 'unwished', 'none-fits', 'alone']) }),
  /** Only slices were asked for. */
  z.object({ kind: z.literal('wished'), plan: z.string() }),
  /** `message` says why the model cannot be sliced. */
  z.object({ kind: z.literal('refused'), message: z.string() }),
  /** `unsliced`: the best that fits without a slice; null where none does. */
  z.object({
    kind: z.literal('named'),
    plan: z.string(),
    unsliced: z.object({ plan: z.string(), predicted: expectedLoss }).nullable(),
  }),
  z.object({ kind: z.enum(['too-large', 'nothing-to-compare']), plan: z.string() }),
  z.object({ kind: z.literal('too-much-memory'), plan: z.string(), neededBytes: bytes, allowedBytes: bytes }),
  /** Making it failed. */
  z.object({ kind: z.literal('failed'), plan: z.string(), message: z.string() }),
  z.object({ kind: z.literal('not-expected'), unsliced: measuredPlan }),
  z.object({ kind: z.literal('compared'), slice: measuredPlan, unsliced: measuredPlan }),
]);
export type SliceReason = z.infer<typeof sliceReason>;

/** What became of the shared-rotation slices among a fit's plans. */
export const sliceComparison = z.object({
  /** Slices among the plans. */
  considered: z.number().int(),
  /** The best slice that fits: id of its plan. */
  best: z.string().nullable(),
  predicted: expectedLoss.nullable(),
  measured: measuredLoss.nullable(),
  /** The file that was made is the slice. */
  chosen: z.boolean(),
  /** `reason` as a sentence. */
  verdict: z.string(),
  /** Missing in results of older versions. */
  reason: sliceReason.optional(),
  /** Of the model, where a slice was made. */
  invariance: invariance.nullable(),
});
export type SliceComparison = z.infer<typeof sliceComparison>;

export const fitResult = z.object({
  ...common,
  verdict: z.string(),
  /** null where nothing fits; then nothing was written. */
  best: z.string().nullable(),
  output: z.string().nullable(),
  fileBytes: bytes.nullable(),
  sha256: z.string().nullable(),
  plan: plan.nullable(),
  /** Candidates that were made and measured, best first. */
  measured: z.array(z.object({ id: z.string(), summary: z.string(), fileBytes: bytes, quality })),
  plans: z.array(plan),
  slices: sliceComparison,
  calibration: calibrationUse.nullable(),
  quality: quality.optional(),
  proof: proof.optional(),
  gate: gate.optional(),
  /** How to start it: the llama-server command line for the plan. */
  command: z.string().nullable(),
  seconds: stageSeconds.and(z.object({ total: z.number() })),
  peakMemoryBytes: bytes,
});
export type FitResult = z.infer<typeof fitResult>;

export const evaluateResult = quality.extend({
  ...common,
  tasks: z.array(
    z.object({
      name: z.string(),
      examples: z.number().int(),
      accuracy: z.number(),
      accuracyNormalised: z.number(),
      standardError: z.number(),
      standardErrorNormalised: z.number(),
      /** What scored it. */
      engine: quality.shape.engine,
    }),
  ),
  tokensPerSecond: z.number(),
  gate: gate.optional(),
  seconds: z.number(),
});
export type EvaluateResult = z.infer<typeof evaluateResult>;

export const generateResult = z.object({
  ...common,
  prompt: z.string(),
  /** Behind the prompt. */
  text: z.string(),
  tokens: z.object({ prompt: z.number().int(), generated: z.number().int() }),
  /** `stop`: by a token that ends a text. */
  endedBy: z.enum(['stop', 'limit']),
  /** null where there was none to time: the first token comes with the prompt. */
  tokensPerSecond: z.object({ prefill: z.number(), decode: z.number().nullable() }),
  engine: z.literal('onnx'),
  /** All arithmetic is float32. */
  kind: z.literal('weights-only'),
  /** Of the matrices in the ONNX file that ran; null where it was given. */
  type: z.enum(['F32', 'F16']).nullable(),
  seconds: z.number(),
  /** Seconds per stage. */
  stages: z.record(z.string(), z.number()),
  peakMemoryBytes: bytes,
});
export type GenerateResult = z.infer<typeof generateResult>;

export const downloadResult = hubModel.extend({
  run: z.string(),
  warnings: z.array(z.string()),
  path: z.string(),
  seconds: z.number(),
});
export type DownloadResult = z.infer<typeof downloadResult>;

export const textList = z.object({
  texts: z.array(
    z.object({
      name: z.string(),
      purpose: z.enum(['calibration', 'evaluation']),
      bytes,
      sha256: z.string(),
      description: z.string(),
    }),
  ),
});
export type TextList = z.infer<typeof textList>;
