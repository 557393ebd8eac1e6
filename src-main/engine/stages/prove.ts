// Proof of a written file: llama.cpp loads it, its log-probabilities are those of our own forward of the same file, it is
// as near to the source as the plan predicted, it writes a few words, and it takes the memory that was planned.
// Own forward and llama.cpp read the same file: what the writer got wrong (swapped rows, a wrong scale or rope), both
// compute alike. So the comparison with the source stays beside it, and is what --no-evaluate relies on.
import type { KvType, LlamaSettings } from '../../contract/llama-host-api.ts';
import { proof, type Proof } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { largestLogProbDifference, meanDivergence } from '../../core/evaluation/log-probs.ts';
import { openGguf } from '../../core/formats/gguf-reader.ts';
import { memoryOf } from '../../core/planning/memory.ts';
import { checkpointed } from '../jobs/checkpoint.ts';
import { stage, type JobContext } from '../jobs/context.ts';
import type { LlamaClient } from '../children.ts';
import { sampledHash, sampledHashOf } from '../library/model-hash.ts';
import { chooseDevice } from './device.ts';
import { refusalOfFile } from './engine.ts';
import { exactLogProbs, logProbTolerance, ownLogProbs } from './own-forward.ts';
import { hasVocabulary } from './open.ts';
import { tokenHash, type EvaluationTokens } from './texts.ts';

/** Tokens of the proof's window, and the positions in it whose log-probabilities are compared (method 6: at least 8). */
const windowTokens = 128;
const positionCount = 8;
/** Mean KL divergence that rounding in the runner alone may cause (activations are rounded to 8 bits). */
const runnerTolerance = 0.02;
/** A short window may lose this many times what the whole text does on average. */
const windowSpread = 3;
/** Structural faults (a wrong permutation, scale or rope) cost more: 0.49 to 0.76 on the sample model, over 1 on larger ones. */
const structuralLoss = 0.4;
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
  const { planned, text, expected, device } = options;
  const models = await Promise.all([options.source, options.output].map(sampledHash));
  const run = { context: planned.context, kvType: planned.kvType, header: await sampledHashOf([planned.header]) };
  const inputs = { models, run, tokens: tokenHash(text.windows), expected, device };
  return checkpointed(context, { name: 'prove', inputs, schema: proof }, () => proveNow(context, options));
}

async function proveNow(context: JobContext, options: ProofOptions): Promise<Proof> {
  return stage(context, 'prove', async () => {
    const { source, output } = options;
    const ran = context.device;
    const device = await chooseDevice(context, options.device === 'webgpu' ? 'cpu' : options.device, [source, output]);
    // llama.cpp does not run on WebGPU: it proves on the processor what was made there.
    if (options.device === 'webgpu') context.device = ran;
    const settings = { gpuLayers: device.gpuLayers, ...context.llamaThreads };
    const tokens = firstTokens(options.text.windows);
    const window = { tokens, positions: spreadPositions(tokens.length) };
    const hasGraphs = (await refusalOfFile(output)) === null;
    const limits = await limitsOf(options, hasGraphs);
    const base = { runner: 'llama.cpp' as const, build: device.release, ...limits };
    try {
      const own = hasGraphs ? await ownLogProbs(context, output, window) : null;
      return await context.llama((client) => proveWith(context, client, options, { base, settings, window, own }));
    } catch (error) {
      const failure = AppError.from(error);
      if (!isFault(failure)) throw failure;
      return { ...base, ...nothingMeasured, reason: failure.message };
    }
  });
}

type Limits = Pick<Proof, 'against' | 'logProbTolerance' | 'tolerance' | 'toSource'>;

/** `toSource` without what is yet to be measured. A file is not compared with itself, but where nothing else is left. */
async function limitsOf({ source, output, expected }: ProofOptions, hasGraphs: boolean): Promise<Limits> {
  const toSource = { meanKld: null, tolerance: sourceTolerance(expected) };
  if (!hasGraphs) return { against: 'source', logProbTolerance: null, tolerance: toSource.tolerance, toSource };
  return {
    against: 'own forward',
    logProbTolerance: await logProbTolerance(output),
    tolerance: runnerTolerance,
    toSource: source === output ? null : toSource,
  };
}

interface ProofRun {
  base: Limits & Pick<Proof, 'runner' | 'build'>;
  settings: Partial<LlamaSettings>;
  window: { tokens: Int32Array; positions: number[] };
  /** [positions, V] of our own forward of the file; null where there are no graphs for it. */
  own: Float32Array | null;
}

async function proveWith(
  context: JobContext,
  client: LlamaClient,
  { source, output, planned }: ProofOptions,
  { base, settings, window, own }: ProofRun,
): Promise<Proof> {
  const { tokens, positions } = window;
  const agreement = own
    ? differences(own, await exactLogProbs(context, client, output, window))
    : differences(
        (await client.logProbs({ model: source, ...window, settings })).logProbs,
        await client.logProbs({ model: output, ...window, settings }),
      );
  const compared = base.toSource
    ? await client.compare({ reference: source, candidate: output, windows: [tokens], settings })
    : null;
  const sourceKld = compared && meanOf(compared.windows[0]!.kld!);
  const run = { context: planned.context, settings: { ...settings, kvTypeK: planned.kvType, kvTypeV: planned.kvType } };
  const memory = await client.memory({ requests: [planned.header, output].map((header) => ({ header, ...run })) });
  const [plannedBytes, reportedBytes] = memory.results.map((parts) => memoryOf(parts, 0).totalBytes) as [
    number,
    number,
  ];
  const written = (await readsText(output))
    ? await client.generate({ model: output, prompt: 'Once upon a time', tokens: sampleTokens, settings })
    : { text: '', peakMemoryBytes: 0 };
  const measured = {
    ...base,
    ...agreement,
    ...(base.against === 'source' && { meanKld: sourceKld }),
    toSource: base.toSource && { ...base.toSource, meanKld: sourceKld },
    memory: { plannedBytes, reportedBytes },
  };
  const reason = failureOf(measured);
  return {
    ...measured,
    loaded: true,
    positions: positions.length,
    passed: reason === null,
    sample: written.text,
    peakMemoryBytes: Math.max(compared?.peakMemoryBytes ?? 0, written.peakMemoryBytes),
    reason,
  };
}

interface LlamaLogProbs {
  logProbs: Float32Array;
  vocabSize: number;
}

function differences(
  reference: Float32Array,
  { logProbs, vocabSize }: LlamaLogProbs,
): Pick<Proof, 'maxLogProbDifference' | 'meanKld'> {
  return {
    maxLogProbDifference: largestLogProbDifference(reference, logProbs),
    meanKld: meanDivergence(reference, logProbs, vocabSize),
  };
}

const meanOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A model without a vocabulary cannot write a few words. */
async function readsText(file: string): Promise<boolean> {
  const gguf = await openGguf(file);
  await gguf.close();
  return hasVocabulary({ gguf, path: file });
}

/**
 * What the file may lose on the proof's window: near what it was measured or predicted to lose, and never a structural
 * fault's loss; besides, what the runner's rounding adds, which a measurement of the weights alone does not have.
 */
function sourceTolerance({ predictedKld, measuredKld }: ProofOptions['expected']): number {
  const most = Math.max(predictedKld, structuralLoss);
  return runnerTolerance + (measuredKld === null ? predictedKld : Math.min(windowSpread * measuredKld, most));
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

type Measured = Limits & Pick<Proof, 'maxLogProbDifference' | 'meanKld' | 'memory'>;

function failureOf({
  against,
  maxLogProbDifference,
  logProbTolerance: limit,
  meanKld,
  tolerance,
  toSource,
  memory,
}: Measured): string | null {
  const isFinite = [maxLogProbDifference, meanKld, toSource?.meanKld ?? 0].every((value) => Number.isFinite(value));
  if (!isFinite) return 'its log-probabilities are not finite';
  if (limit !== null && maxLogProbDifference! > limit)
    return `llama.cpp's log-probabilities of it differ by ${maxLogProbDifference!.toFixed(4)} from our own forward of the same file, above the ${limit} that rounding explains`;
  if (against === 'own forward' && meanKld! > tolerance)
    return `llama.cpp's mean KL divergence to our own forward of the same file is ${meanKld!.toFixed(4)}, above the ${tolerance} that rounding explains`;
  if (toSource && toSource.meanKld! > toSource.tolerance)
    return `its mean KL divergence to the source is ${toSource.meanKld!.toFixed(4)}, above the ${toSource.tolerance.toFixed(4)} that was to be expected`;
  const { plannedBytes, reportedBytes } = memory;
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
