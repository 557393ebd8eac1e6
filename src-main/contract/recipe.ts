// A recipe says everything that decides a result; it is what the history keeps and what a run can be repeated from.
import { z } from 'zod';
import { target } from './target.ts';
import { bytes } from './units.ts';

export const deviceName = z.enum(['auto', 'cuda', 'webgpu', 'cpu']);
export type DeviceName = z.infer<typeof deviceName>;

export const calibrationOptions = z.object({
  /** Built-in names, files or folders; several share the samples equally, the first takes the remainder. */
  texts: z.array(z.string()).min(1).default(['calibration']),
  /** A maximum: samples never overlap. */
  samples: z.number().int().positive().default(128),
  /** Tokens of a sample; cut to the model's context. */
  length: z.number().int().min(2).default(2048),
  sampling: z.enum(['random', 'contiguous']).default('random'),
  seed: z.number().int().nonnegative().default(42),
});
export type CalibrationOptions = z.infer<typeof calibrationOptions>;

export const evaluationOptions = z.object({
  text: z.string().default('evaluation'),
  /** Tokens of a window; cut to the model's context. */
  window: z.number().int().min(2).default(2048),
  /** null = all. */
  windows: z.number().int().positive().nullable().default(null),
  allowSameText: z.boolean().default(false),
  engine: z.enum(['auto', 'onnx', 'llama.cpp']).default('auto'),
  weightsOnly: z.boolean().default(false),
  gateKld: z.number().positive().nullable().default(null),
  gateRatio: z.number().positive().nullable().default(null),
});
export type EvaluationOptions = z.infer<typeof evaluationOptions>;

/** Options that every job has. */
const jobOptions = {
  /** A path, or an address on a hub (contract/hub-address.ts). */
  model: z.string(),
  device: deviceName.default('auto'),
  threads: z.number().int().positive().nullable().default(null),
  /** The network is not used: models on a hub have to be here already. */
  offline: z.boolean().default(false),
};

const outputOptions = {
  output: z.string(),
  force: z.boolean().default(false),
  evaluate: z.boolean().default(true),
  prove: z.boolean().default(true),
  calibration: calibrationOptions.prefault({}),
  evaluation: evaluationOptions.prefault({ windows: 8 }),
  /** on = calibrate, off = none, else the path of an imatrix GGUF. */
  importance: z.string().default('on'),
};

export const calibrateRecipe = z.object({
  verb: z.literal('calibrate'),
  ...jobOptions,
  output: z.string(),
  force: z.boolean().default(false),
  calibration: calibrationOptions.prefault({}),
});
export const quantizeRecipe = z.object({
  verb: z.literal('quantize'),
  ...jobOptions,
  ...outputOptions,
  type: z.string(),
  pure: z.boolean().default(false),
});
/** How a sliced stream is turned inside the space that is kept. */
export const orientation = z.enum(['pca', 'random', 'hadamard']);
export type Orientation = z.infer<typeof orientation>;
/** What a PCA sees of a residual: itself, or behind its norm, where every token counts the same. */
export const signals = z.enum(['raw', 'normed']);
/** Of Grams and eigenproblems; weights always turn in float64. fp32-sum64 sums float32 products of 256 rows in float64. */
export const precision = z.enum(['fp64', 'fp32', 'fp32-sum64']);
export type Precision = z.infer<typeof precision>;

/** What decides a slice besides its method and type. */
const sliceSettings = {
  /** Share of the hidden size that goes; null where `width` is given, or something else says every width. */
  sparsity: z.number().min(0).lt(1).nullable().default(null),
  width: z.number().int().positive().nullable().default(null),
  /** Widths are multiples of this; null = what the type needs, 8 per block. */
  round: z.number().int().positive().nullable().default(null),
  /** The output layer is cut too. A shared rotation always cuts it. */
  sliceHead: z.boolean().default(false),
  /** null = normed for a shared rotation, raw per block. */
  signals: signals.nullable().default(null),
  precision: precision.default('fp64'),
  /** As the released code: embeddings centred on RMSNorm models too, eps 1e-5. Per block only. */
  paperCompat: z.boolean().default(false),
  /** null = pca for float output, hadamard for quantised. Its seed is the calibration's. */
  orientation: orientation.nullable().default(null),
};

export const sliceRecipe = z.object({
  verb: z.literal('slice'),
  ...jobOptions,
  /** Of a .gguf file, an .onnx file, or a folder for safetensors. */
  ...outputOptions,
  method: z.enum(['shared', 'per-block']).default('shared'),
  ...sliceSettings,
  /** constant, variance, or the path of a SlicingConfig with every width. Others than constant: per block only. */
  scheduler: z.string().default('constant'),
  /** A float type, a named mix of llama.cpp or a type. */
  type: z.string().default('F16'),
  /** Of an ONNX file that is cut again, which has none: folder or GGUF whose tokenizer is used. A folder's goes along. */
  tokenizer: z.string().nullable().default(null),
});
export const invarianceRecipe = z.object({
  verb: z.literal('invariance'),
  ...jobOptions,
  evaluation: evaluationOptions.prefault({ window: 512, windows: 4 }),
});
export const evaluateRecipe = z.object({
  verb: z.literal('evaluate'),
  ...jobOptions,
  against: z.string().nullable().default(null),
  /** Folder or GGUF whose tokenizer is used; null for the model's own, which an ONNX file has not. */
  tokenizer: z.string().nullable().default(null),
  tasks: z.array(z.string()).default([]),
  evaluation: evaluationOptions.prefault({}),
});
/** Of the plans of a fit: all of them, those without a slice, or only slices by one shared rotation. */
export const planMethods = z.enum(['any', 'quantize', 'slice']);
export type PlanMethods = z.infer<typeof planMethods>;

/** What decides which plans there are, besides model and target. */
const planOptions = {
  methods: planMethods.default('any'),
  /** Of the slices among them; null = pca where they stay floats, hadamard where they are quantised. */
  orientation: orientation.nullable().default(null),
};

export const planRecipe = z.object({ verb: z.literal('plan'), ...jobOptions, target, ...planOptions });
export const fitRecipe = z.object({
  verb: z.literal('fit'),
  ...jobOptions,
  ...outputOptions,
  target,
  ...planOptions,
  /** Of the slices' Grams and eigenproblems. */
  precision: precision.default('fp64'),
  /** Make this plan instead of the best. */
  plan: z.string().nullable().default(null),
  /** Candidates that are made and measured before one is chosen. */
  candidates: z.number().int().min(1).default(3),
  maxMemoryBytes: bytes.nullable().default(null),
});

/** How the next token of a text is chosen. */
export const sampling = {
  /** Logits are divided by it; 0: the most likely token, always. */
  temperature: z.number().min(0).default(0),
  /** Only this many of the most likely tokens can be drawn; null for all. */
  topK: z.number().int().positive().nullable().default(null),
  seed: z.number().int().nonnegative().default(42),
};
export const generateRecipe = z.object({
  verb: z.literal('generate'),
  /** A model of a family with graphs, or an ONNX file that Snug wrote. */
  ...jobOptions,
  /** Folder or GGUF whose tokenizer is used; null for the model's own, which an ONNX file has not. */
  tokenizer: z.string().nullable().default(null),
  prompt: z.string(),
  /** At most. */
  tokens: z.number().int().positive().default(128),
  ...sampling,
});

/** What a study varies (docs/studies.md). */
export const studyKind = z.enum(['calibration-size', 'pca-precision', 'sparsity', 'speed', 'combination']);
export type StudyKind = z.infer<typeof studyKind>;

export const studyRecipe = z.object({
  verb: z.literal('study'),
  ...jobOptions,
  kind: studyKind,
  /** As they are written; null = those of the paper, or what docs/studies.md says. */
  values: z.array(z.string()).min(1).nullable().default(null),
  /** null = per-block; of a combination shared, whose files are GGUF. */
  method: z.enum(['shared', 'per-block']).nullable().default(null),
  /** Where the study varies something else than what is cut, and names no measure, a quarter is. */
  ...sliceSettings,
  /** Of what is sliced: a float type. */
  type: z.string().default('F16'),
  /** Of a combination: float types and named mixes of llama.cpp; null = F16, Q8_0, Q6_K, Q4_K_M and Q3_K_M. */
  types: z.array(z.string()).min(1).nullable().default(null),
  calibration: calibrationOptions.prefault({}),
  evaluation: evaluationOptions.prefault({ windows: 8 }),
  /** A .json or .csv file of the rows. */
  output: z.string().nullable().default(null),
  /** Rows of an earlier run are made again; each is kept until its new one is finished. */
  again: z.boolean().default(false),
  /** An output that exists is replaced. */
  force: z.boolean().default(false),
});

export const downloadRecipe = z.object({ verb: z.literal('download'), ...jobOptions });

export const recipe = z.discriminatedUnion('verb', [
  calibrateRecipe,
  quantizeRecipe,
  sliceRecipe,
  invarianceRecipe,
  evaluateRecipe,
  planRecipe,
  fitRecipe,
  generateRecipe,
  studyRecipe,
  downloadRecipe,
]);
export type Recipe = z.infer<typeof recipe>;
export type CalibrateRecipe = z.infer<typeof calibrateRecipe>;
export type QuantizeRecipe = z.infer<typeof quantizeRecipe>;
export type SliceRecipe = z.infer<typeof sliceRecipe>;
export type InvarianceRecipe = z.infer<typeof invarianceRecipe>;
export type EvaluateRecipe = z.infer<typeof evaluateRecipe>;
export type PlanRecipe = z.infer<typeof planRecipe>;
export type FitRecipe = z.infer<typeof fitRecipe>;
export type GenerateRecipe = z.infer<typeof generateRecipe>;
export type StudyRecipe = z.infer<typeof studyRecipe>;
export type DownloadRecipe = z.infer<typeof downloadRecipe>;
