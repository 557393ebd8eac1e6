// Results for tests of the report.
import type { FitResult, PerBlockSliceResult, Proof, Quality } from '../../src-main/contract/results.ts';
import { slicingConfigOf } from '../../src-main/core/slicing/per-block/site-widths.ts';
import { planFor } from '../support/plans.ts';
import { planList } from './fake-engine.ts';

export const quality: Quality = {
  engine: 'onnx',
  kind: 'weights-only',
  text: 'evaluation',
  textSha256: '0',
  windows: 8,
  windowTokens: 512,
  dense: { perplexity: 61.6, standardError: 1 },
  compressed: { perplexity: 62.1, standardError: 1 },
  kld: { mean: 0.0213, standardError: 0.002, p99: 1 },
  topOneAgreement: 0.93,
  topOneStandardError: 0.004,
};

export const proof: Proof = {
  runner: 'llama.cpp',
  build: 'b1',
  loaded: true,
  positions: 512,
  against: 'own forward',
  maxLogProbDifference: 0.01,
  logProbTolerance: 0.1,
  meanKld: 0.0001,
  tolerance: 0.01,
  toSource: null,
  passed: true,
  sample: 'Once upon a time',
  memory: { plannedBytes: 2 ** 30, reportedBytes: 2 ** 30 },
  peakMemoryBytes: 0,
  reason: null,
};

const common = { run: 'run', warnings: [], device: 'cpu' };

export const madeModel = {
  ...common,
  output: '/models/made.gguf',
  type: 'Q4_K_M',
  parametersBefore: 1_000_000,
  parametersAfter: 1_000_000,
  fileBytes: 600_000,
  sha256: 'a'.repeat(64),
  tensorTypes: { Q4_K: 2 },
  seconds: 12,
  stages: { quantize: 12 },
  peakMemoryBytes: 2 ** 28,
};

const layout = { hiddenSize: 256, numHiddenLayers: 1, blockLayout: 'sequential' } as const;

export const perBlockResult: PerBlockSliceResult = {
  ...madeModel,
  parametersAfter: 900_000,
  fileBytes: 847_000,
  sourceBytes: 1_000_000,
  type: 'F16',
  method: 'per-block',
  widths: slicingConfigOf(layout, [192, 192, 256], false),
  sparsity: 0.25,
  orientation: 'pca',
  precision: 'fp64',
  energyLost: 0.0042,
  untiedParameters: 0,
  shortcutParameters: 1000,
  scheduler: 'constant',
  signals: 'raw',
  paperCompat: false,
  retained: null,
  sites: [
    { name: 'embed', width: 192, energyLost: 0.001, orthogonality: 0 },
    { name: 'layer0.attn_out', width: 192, energyLost: 0.0042, orthogonality: 0 },
    { name: 'layer0.mlp_out', width: 256, energyLost: 0, orthogonality: 0 },
  ],
  resumedAtLayer: null,
  calibration: null,
  invariance: null,
};

export const fitResult: FitResult = {
  ...common,
  verdict: 'Fits.',
  best: 'q4_k_m',
  output: '/models/made.gguf',
  fileBytes: 600_000,
  sha256: 'a'.repeat(64),
  plan: planFor('q4_k_m', { totalBytes: 19 * 2 ** 30, kld: 0.02 }),
  measured: [],
  plans: planList.plans,
  slices: {
    considered: 0,
    best: null,
    predicted: null,
    measured: null,
    chosen: false,
    verdict: 'No slice is among the plans.',
    invariance: null,
  },
  calibration: null,
  proof,
  command: 'llama-server --model made.gguf',
  seconds: { total: 40 },
  peakMemoryBytes: 2 ** 28,
};
