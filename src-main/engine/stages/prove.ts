// Proof of a written file: llama.cpp loads it, its log-probabilities are finite and near the source's within what the
// plan predicted, it writes a few words, and it takes the memory that was planned.
import type { KvType, LlamaSettings } from '../../contract/llama-host-api.ts';
import type { Proof } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { largestLogProbDifference } from '../../core/evaluation/log-probs.ts';
import { memoryOf } from '../../core/planning/memory.ts';
import { stage, type JobContext } from '../jobs/context.ts';
import type { LlamaClient } from '../children.ts';
import { chooseDevice } from './device.ts';
import type { EvaluationTokens } from './texts.ts';

/** Tokens of the proof's window, and the positions in it whose log-probabilities are compared (method 6: at least 8). */
const windowTokens = 128;
const positionCount = 8;
/** Mean KL divergence that rounding in the runner alone may cause (activations are rounded to 8 bits). */
const runnerTolerance = 0.02;
/** A short window may lose this many times what the whole text does on average. */
const windowSpread = 3;
/** Structural faults (a wrong permutation, scale or rope) show at this loss or more, whatever was predicted. */
const structuralLoss = 1;
const sampleTokens = 12;

/** How the plan says the file will be run. */
export interface PlannedRun {
  /** A GGUF header with the planned types. */
  header: string;
  context: number;
  kvType: KvType;
}

export interface ProofOptions {
  source: string;
  output: string;
  planned: PlannedRun;
  text: EvaluationTokens;
  /** What the plan predicted at most, and what evaluation measured (null where it did not). */
  expected: { predictedKld: number; measuredKld: number | null };
  device: string;
}

/** A proof that failed is a result; what keeps llama.cpp from proving at all is thrown. */
export async function prove(context: JobContext, options: ProofOptions): Promise<Proof> {
  return stage(context, 'prove', async () => {
    const device = await chooseDevice(context, options.device, [options.source, options.output]);
    const settings = { gpuLayers: device.gpuLayers, ...context.llamaThreads };
    const base = { runner: 'llama.cpp' as const, build: device.release, tolerance: toleranceOf(options.expected) };
    try {
      return await context.llama((client) => proveWith(client, options, { base, settings }));
    } catch (error) {
      const failure = AppError.from(error);
      if (!isFault(failure)) throw failure;
      return { ...base, ...nothingMeasured, reason: failure.message };
    }
  });
}

type Base = Pick<Proof, 'runner' | 'build' | 'tolerance'>;

async function proveWith(
  client: LlamaClient,
  options: ProofOptions,
  { base, settings }: { base: Base; settings: Partial<LlamaSettings> },
): Promise<Proof> {
  const { source, output, planned } = options;
  const tokens = firstTokens(options.text.windows);
  const positions = spreadPositions(tokens.length);
  const compared = await client.compare({ reference: source, candidate: output, windows: [tokens], settings });
  const kld = compared.windows[0]!.kld!;
  const meanKld = kld.reduce((sum, value) => sum + value, 0) / kld.length;
  const ours = await client.logProbs({ model: output, tokens, positions, settings });
  const reference = await client.logProbs({ model: source, tokens, positions, settings });
  const maxLogProbDifference = largestLogProbDifference(reference.logProbs, ours.logProbs);
  const run = { context: planned.context, settings: { ...settings, kvTypeK: planned.kvType, kvTypeV: planned.kvType } };
  const memory = await client.memory({ requests: [planned.header, output].map((header) => ({ header, ...run })) });
  const [plannedBytes, reportedBytes] = memory.results.map((parts) => memoryOf(parts, 0).totalBytes) as [
    number,
    number,
  ];
  const written = await client.generate({ model: output, prompt: 'Once upon a time', tokens: sampleTokens, settings });
  const reason = failureOf({ meanKld, maxLogProbDifference, tolerance: base.tolerance, plannedBytes, reportedBytes });
  return {
    ...base,
    loaded: true,
    positions: positions.length,
    maxLogProbDifference,
    meanKld,
    passed: reason === null,
    sample: written.text,
    memory: { plannedBytes, reportedBytes },
    peakMemoryBytes: Math.max(compared.peakMemoryBytes, written.peakMemoryBytes),
    reason,
  };
}

/** What the file may lose on the proof's window: near what it was measured or predicted to lose, and never a structural fault's loss. */
function toleranceOf({ predictedKld, measuredKld }: ProofOptions['expected']): number {
  const most = Math.max(predictedKld, structuralLoss);
  return Math.max(runnerTolerance, measuredKld === null ? predictedKld : Math.min(windowSpread * measuredKld, most));
}

/** The text goes on from window to window, so short windows make one long enough. */
function firstTokens(windows: readonly Int32Array[]): Int32Array {
  const joined: number[] = [];
  for (const window of windows) {
    joined.push(...window.subarray(0, windowTokens - joined.length));
    if (joined.length === windowTokens) break;
  }
  return Int32Array.from(joined);
}

/** Evenly spread positions that have a next token, the last one among them. */
function spreadPositions(tokens: number): number[] {
  const last = tokens - 2;
  const spread = Array.from({ length: positionCount }, (_, index) => Math.round(((index + 1) * last) / positionCount));
  return [...new Set(spread)];
}

interface Measured {
  meanKld: number;
  maxLogProbDifference: number;
  tolerance: number;
  plannedBytes: number;
  reportedBytes: number;
}

function failureOf({ meanKld, maxLogProbDifference, tolerance, plannedBytes, reportedBytes }: Measured): string | null {
  if (!Number.isFinite(meanKld) || !Number.isFinite(maxLogProbDifference))
    return 'its log-probabilities are not finite';
  if (meanKld > tolerance) {
    return `its mean KL divergence to the source is ${meanKld.toFixed(4)}, above the ${tolerance.toFixed(4)} that was to be expected`;
  }
  if (plannedBytes !== reportedBytes)
    return `it takes ${reportedBytes} bytes of memory where ${plannedBytes} were planned`;
  return null;
}

/** The file is to blame: llama.cpp refuses it, gives numbers that are none, or ends by itself. A kill from outside is no fault of the file. */
function isFault({ code, details }: AppError): boolean {
  if (code === 'LLAMA_CRASHED') return !/SIGKILL|SIGTERM/.test(String(details['reason']));
  return code === 'LLAMA_FAILED' || code === 'NON_FINITE';
}

const nothingMeasured = {
  loaded: false,
  positions: 0,
  maxLogProbDifference: null,
  meanKld: null,
  passed: false,
  sample: '',
  memory: { plannedBytes: 0, reportedBytes: 0 },
  peakMemoryBytes: 0,
} as const;
