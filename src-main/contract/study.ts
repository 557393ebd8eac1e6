// Results of studies: the rows that were measured, and what they share. docs/studies.md says what each study measures.
import { z } from 'zod';
import { hubModels } from './hub-model.ts';
import { precision, type StudyKind } from './recipe.ts';
import { calibrationUse, perplexity } from './results.ts';
import { bytes } from './units.ts';

/** What a kind varies where nobody names values: the paper's, or what docs/studies.md says. As they are written. */
export const usualValues: Readonly<Record<StudyKind, readonly string[]>> = {
  sparsity: ['0.1', '0.2', '0.25', '0.3'],
  'calibration-size': ['32', '128', '1024'],
  'pca-precision': ['fp64', 'fp32-sum64', 'fp32'],
  speed: ['1', '4', '16'],
  combination: ['0', '0.1', '0.2', '0.3'],
};

/** Types of a combination where nobody names them: from all bits to few; at each, a K mix where there is one. */
export const usualTypes: readonly string[] = ['F16', 'Q8_0', 'Q6_K', 'Q4_K_M', 'Q3_K_M'];

/** What is cut where a study does not vary it and nothing is said: a quarter, as in the paper's ablations. */
export const usualSparsity = 0.25;

/** Why a kind does not take a method. */
export const refusedMethods: Partial<Record<StudyKind, { method: 'shared' | 'per-block'; why: string }>> = {
  'pca-precision': {
    method: 'shared',
    why: 'a shared rotation takes its one Gram from normed signals, where float32 is enough',
  },
  combination: { method: 'per-block', why: 'no GGUF can hold shortcut matrices, so nothing quantises them' },
};

/** A model against the dense one, over the same windows, on Snug's own graphs. */
const figures = {
  perplexity: z.number(),
  perplexityStandardError: z.number(),
  perplexityRatio: z.number(),
  perplexityRatioStandardError: z.number(),
  kld: z.number(),
  kldStandardError: z.number(),
  topOneAgreement: z.number(),
};

const everyRow = {
  ...figures,
  /** Share of the width that went, after rounding; per block the mean over the sites that are cut. */
  sparsity: z.number(),
  parametersAfter: z.number().int(),
  fileBytes: bytes,
  /** For this row alone: what rows share is not in it. */
  seconds: z.number(),
  /** When it was finished, ISO 8601: rows of an earlier run keep theirs. */
  finished: z.string(),
};

export const calibrationSizeRow = z.object({
  /** Samples asked for. */
  value: z.number().int(),
  ...everyRow,
  /** Samples that there were. */
  samples: z.number().int(),
  tokens: z.number().int(),
  /** Share of the signal's energy in the directions that went; per block the largest of a site. */
  energyLost: z.number(),
});
export type CalibrationSizeRow = z.infer<typeof calibrationSizeRow>;

export const pcaPrecisionRow = z.object({
  value: precision,
  ...everyRow,
  /** Largest |QᵀQ - I| of a site, measured in float64. */
  orthogonality: z.number(),
  /**
   * Of eigenvalues against those of fp64, relative to the largest eigenvalue of the site. At the first site both runs see
   * the same residual; at the others each sees the one that its own cuts left.
   */
  eigenvalueError: z.object({ firstSite: z.number(), largest: z.number(), site: z.string() }),
});
export type PcaPrecisionRow = z.infer<typeof pcaPrecisionRow>;

export const sparsityRow = z.object({
  /** Sparsity asked for. */
  value: z.number(),
  ...everyRow,
  scheduler: z.enum(['constant', 'variance']),
  /** Of the variance scheduler: the share of its energy that every site keeps at least. */
  retained: z.number().nullable(),
  /** Share of the signal's energy in the directions that went; per block the largest of a site. */
  energyLost: z.number(),
});
export type SparsityRow = z.infer<typeof sparsityRow>;

export const speedRow = z.object({
  /** Texts side by side. */
  value: z.number().int(),
  ...everyRow,
  model: z.enum(['dense', 'sliced']),
  /** onnxruntime's execution provider. */
  device: z.string(),
  /** Of all texts together; medians. */
  prefillTokensPerSecond: z.number(),
  decodeTokensPerSecond: z.number(),
  /** To the dense model's at the same batch. */
  prefillRatio: z.number(),
  decodeRatio: z.number(),
  /** How far one of the rounds was from the median at most, as a share of it. */
  spread: z.number(),
});
export type SpeedRow = z.infer<typeof speedRow>;

export const combinationRow = z.object({
  /** Sparsity asked for. */
  value: z.number(),
  ...everyRow,
  type: z.string(),
  width: z.number().int(),
  /** No other row is as small and loses less. */
  onFront: z.boolean(),
});
export type CombinationRow = z.infer<typeof combinationRow>;

/** A row of whatever kind: each has a field that no other one has. */
export const studyRow = z.union([calibrationSizeRow, pcaPrecisionRow, sparsityRow, speedRow, combinationRow]);
export type StudyRow = z.infer<typeof studyRow>;

const common = {
  run: z.string(),
  warnings: z.array(z.string()),
  device: z.string(),
  ...hubModels,
  model: z.string(),
  method: z.enum(['shared', 'per-block']),
  /** Of what is sliced; null where rows have their own. */
  type: z.string().nullable(),
  dense: perplexity.extend({ parameters: z.number().int(), fileBytes: bytes }),
  text: z.string(),
  textSha256: z.string(),
  windows: z.number().int(),
  windowTokens: z.number().int(),
  /** null where every row has its own. */
  calibration: calibrationUse.nullable(),
  /** What rows have in common, and what they do not and why: sentences. */
  shared: z.array(z.string()),
  /** What cannot be measured. */
  skipped: z.array(z.object({ value: z.union([z.number(), z.string()]), reason: z.string() })),
  /** Rows that an earlier run made. */
  keptRows: z.number().int(),
  output: z.string().nullable(),
  seconds: z.number(),
  stages: z.record(z.string(), z.number()),
  peakMemoryBytes: bytes,
};

export const studyResult = z.discriminatedUnion('kind', [
  z.object({ ...common, kind: z.literal('calibration-size'), rows: z.array(calibrationSizeRow) }),
  z.object({ ...common, kind: z.literal('pca-precision'), rows: z.array(pcaPrecisionRow) }),
  z.object({ ...common, kind: z.literal('sparsity'), rows: z.array(sparsityRow) }),
  z.object({
    ...common,
    kind: z.literal('speed'),
    rows: z.array(speedRow),
    /** Tokens of a text that are read at once, then written one by one. */
    promptTokens: z.number().int(),
    decodeTokens: z.number().int(),
  }),
  z.object({ ...common, kind: z.literal('combination'), rows: z.array(combinationRow) }),
]);
export type StudyResult = z.infer<typeof studyResult>;
/** What was varied, and the rows of it: `kind` tells their form. */
export type StudyRows = { [Kind in StudyKind]: Pick<Extract<StudyResult, { kind: Kind }>, 'kind' | 'rows'> }[StudyKind];
