// Canned results of the fake engine's jobs. The numbers are invented, the shapes are the contract's.
import type { JobResult } from '../../src-main/contract/job.ts';
import type { Plan } from '../../src-main/contract/plan.ts';
import type { Recipe } from '../../src-main/contract/recipe.ts';
import type { Proof, Quality } from '../../src-main/contract/results.ts';
import { hubModel } from './fake-answers.ts';

const GiB = 2 ** 30;

export const quality: Quality = {
  engine: 'llama.cpp',
  kind: 'as-run',
  text: 'evaluation',
  textSha256: 'e'.repeat(64),
  windows: 8,
  windowTokens: 512,
  dense: { perplexity: 61.6, standardError: 1.5 },
  compressed: { perplexity: 62.9, standardError: 1.6 },
  perplexityRatio: 1.0211,
  kld: { mean: 0.0213, standardError: 0.0004, p99: 0.21 },
  topOneAgreement: 0.934,
};

export const proof: Proof = {
  runner: 'llama.cpp',
  build: 'b10000',
  loaded: true,
  positions: 256,
  against: 'own forward',
  maxLogProbDifference: 0.003,
  logProbTolerance: 0.35,
  meanKld: 0.00001,
  tolerance: 0.02,
  toSource: { meanKld: 0.00001, tolerance: 0.05 },
  passed: true,
  sample: 'The house was\nold',
  memory: { plannedBytes: 8 * 2 ** 20, reportedBytes: 8 * 2 ** 20 },
  peakMemoryBytes: 90 * 2 ** 20,
  reason: null,
};

function planOf(id: string, type: string, gigabytes: number, kld: number): Plan {
  const weightsBytes = gigabytes * 1e9;
  return {
    id,
    summary: `${type} with importance`,
    steps: [{ method: 'quantize', type, pure: false, importance: true }],
    fileBytes: weightsBytes,
    memory: {
      weightsBytes,
      kvBytes: 2 * GiB,
      buffersBytes: GiB / 2,
      reserveBytes: GiB,
      totalBytes: weightsBytes + 3.5 * GiB,
      basis: 'llama.cpp',
      systemBytes: 0,
    },
    fits: gigabytes < 20,
    predicted: { kld, kldLow: kld / 2, kldHigh: kld * 2, perplexityRatio: 1 + kld, basis: 'predicted' },
    cost: { seconds: 400, peakMemoryBytes: 3 * GiB, diskBytes: weightsBytes },
    notes: ['2 tensors keep Q8_0: their rows are no multiple of 256'],
  };
}

export const plans = [planOf('q4-k-m', 'Q4_K_M', 18.7, 0.0213), planOf('q8-0', 'Q8_0', 34.8, 0.0012)];

const common = { run: 'run-1', warnings: ['only 1,000 tokens of calibration'], device: 'CPU' };
const calibration = { samples: 128, tokens: 65_536, textSha256: 'c'.repeat(64) };

const invariance = {
  tokens: 2048,
  largestLogit: 21.4,
  maxLogitDifference: 1.2e-4,
  tolerance: 0.02,
  perplexityBefore: 27.0412,
  perplexityAfter: 27.0413,
  orthogonality: 2e-15,
  passed: true,
};
const widths = { '0': 512, '1': 512 };

export const results = {
  slice: {
    verb: 'slice',
    value: {
      ...common,
      output: '/out/sliced.gguf',
      method: 'shared',
      type: 'F16',
      widths: {
        hidden_size: 576,
        layers_num: 2,
        do_slice_head: true,
        parallel_blocks: false,
        embedding_dimensions: { '0': 512 },
        attention_input_dimensions: widths,
        attention_output_dimensions: widths,
        mlp_input_dimensions: widths,
        mlp_output_dimensions: widths,
        head_dimension: 512,
        const_dimension: null,
      },
      sparsity: 0.111,
      orientation: 'pca',
      precision: 'fp64',
      shortcutParameters: 0,
      energyLost: 0.012,
      parametersBefore: 134_515_008,
      parametersAfter: 144_721_408,
      untiedParameters: 25_165_824,
      sourceBytes: 269e6,
      fileBytes: 289e6,
      sha256: 'a'.repeat(64),
      tensorTypes: { F16: 212, F32: 61 },
      calibration,
      calibrationReused: false,
      calibrationResumedAtLayer: null,
      resumedAtTensor: null,
      invariance,
      quality,
      proof,
      seconds: 120,
      stages: { calibrate: 60 },
      peakMemoryBytes: GiB,
    },
  },
  invariance: {
    verb: 'invariance',
    value: {
      ...common,
      ...invariance,
      text: 'evaluation',
      textSha256: 'e'.repeat(64),
      seconds: 6,
      peakMemoryBytes: GiB,
    },
  },
  generate: {
    verb: 'generate',
    value: {
      ...common,
      prompt: 'The sea',
      text: ' is wide.\u001b[2J',
      tokens: { prompt: 3, generated: 1204 },
      endedBy: 'stop',
      tokensPerSecond: { prefill: 346.2, decode: 19.7 },
      engine: 'onnx',
      kind: 'weights-only',
      type: 'F16',
      seconds: 9,
      stages: { generate: 7 },
      peakMemoryBytes: GiB,
    },
  },
  calibrate: {
    verb: 'calibrate',
    value: {
      ...common,
      output: '/out/i.gguf',
      weights: 43,
      tokens: 65_536,
      unseenExperts: 0,
      textSha256: 'c'.repeat(64),
      calibration,
      seconds: 12.3,
    },
  },
  quantize: {
    verb: 'quantize',
    value: {
      ...common,
      output: '/out/q.gguf',
      method: 'quantize',
      type: 'Q4_K_M',
      widths: null,
      parametersBefore: 6_822_000,
      parametersAfter: 6_822_000,
      fileBytes: 4_600_000,
      sha256: 'a'.repeat(64),
      tensorTypes: { Q4_K: 30, Q6_K: 13 },
      resumedAtTensor: null,
      unseenExperts: 0,
      calibration,
      quality,
      proof,
      seconds: 21,
      stages: { quantize: 20 },
      peakMemoryBytes: 100 * 2 ** 20,
    },
  },
  evaluate: {
    verb: 'evaluate',
    value: {
      ...quality,
      ...common,
      tasks: [
        {
          name: 'quiz',
          examples: 200,
          accuracy: 0.5,
          accuracyNormalised: 0.55,
          standardError: 0.035,
          standardErrorNormalised: 0.0352,
          engine: 'onnx',
        },
      ],
      tokensPerSecond: 2345.6,
      seconds: 3,
    },
  },
  plan: {
    verb: 'plan',
    value: {
      target: { kind: 'memory', bytes: 24 * GiB, context: 8192, kvType: 'q8_0', reserveBytes: GiB },
      verdict: 'Fits, with 3.1 GiB to spare.',
      best: 'q4-k-m',
      plans,
      sliceRefusal: null,
      warnings: [],
    },
  },
  fit: {
    verb: 'fit',
    value: {
      ...common,
      verdict: 'Fits, with 3.1 GiB to spare.',
      best: 'q4-k-m',
      output: '/out/fit.gguf',
      fileBytes: 18_700_000_000,
      sha256: 'f'.repeat(64),
      plan: plans[0]!,
      measured: [
        { id: 'q4-k-m', summary: 'Q4_K_M with importance', fileBytes: 18_700_000_000, quality },
        {
          id: 'iq4-xs',
          summary: 'IQ4_XS with importance',
          fileBytes: 17_500_000_000,
          quality: { ...quality, kld: { mean: 0.03, standardError: 0.0005, p99: 0.3 } },
        },
      ],
      plans,
      slices: {
        considered: 3,
        best: 'slice-3072+q4_k_m',
        predicted: { kld: 1.1, kldLow: 0.2, kldHigh: 2.7 },
        measured: null,
        chosen: false,
        invariance: null,
        verdict: 'Slicing to 3072 columns with Q4_K_M was not made: it is expected to lose at least 0.2.',
      },
      calibration,
      quality,
      proof,
      command: 'llama-server -m /out/fit.gguf -c 8192',
      seconds: { total: 620 },
      peakMemoryBytes: 3 * GiB,
    },
  },
  study: {
    verb: 'study',
    value: {
      ...common,
      kind: 'sparsity',
      model: '/in/m.gguf',
      method: 'per-block',
      type: 'F16',
      rows: (['constant', 'variance'] as const).map((scheduler) => ({
        value: 0.2,
        ...{
          perplexity: 65.64,
          perplexityStandardError: 1.5,
          perplexityRatio: 2.43,
          perplexityRatioStandardError: 0.1,
        },
        ...{ kld: 0.851, kldStandardError: 0.074, topOneAgreement: 0.557 },
        ...{ sparsity: 0.2084, parametersAfter: 150_000_000, fileBytes: 300e6, seconds: 61 },
        finished: '2026-11-25T05:00:00.000Z',
        scheduler,
        retained: scheduler === 'variance' ? 0.982 : null,
        energyLost: 0.02,
      })),
      dense: { perplexity: 27.04, standardError: 0.9, parameters: 134_515_008, fileBytes: 270e6 },
      text: 'evaluation',
      textSha256: 'e'.repeat(64),
      ...{ windows: 8, windowTokens: 512, calibration },
      shared: ['All rows saw the same calibration samples, which were tokenized once.'],
      skipped: [{ value: 0.001, reason: 'Nothing would be cut.' }],
      ...{ keptRows: 1, output: null },
      ...{ seconds: 122, stages: { slice: 80 }, peakMemoryBytes: GiB },
    },
  },
  download: {
    verb: 'download',
    value: { run: 'job-1', ...hubModel, path: '/home/models/hub/o--m/abc/m', seconds: 40, warnings: [] },
  },
} satisfies { [Verb in Recipe['verb']]: Extract<JobResult, { verb: Verb }> };
