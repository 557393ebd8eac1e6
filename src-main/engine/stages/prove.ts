// Proof of a written file: llama.cpp loads it, its log-probabilities are finite and near the source's within what the
// plan predicted, it writes a few words, and it takes the memory that was planned.
import type { Proof } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { largestLogProbDifference } from '../../core/evaluation/log-probs.ts';
import { stage, type JobContext } from '../jobs/context.ts';
import { chooseDevice } from './device.ts';

/** Tokens of the proof's window and the positions whose log-probabilities are compared (method 6: at least 8). */
const windowTokens = 128;
const proofPositions = [15, 31, 47, 63, 79, 95, 111, 126];
/** Mean KL divergence that rounding in the runner alone may cause (activations are rounded to 8 bits). */
const runnerTolerance = 0.02;
/** Context at which the memory of the file is compared with the plan's. */
const memoryContext = 512;
const sampleTokens = 12;

export interface ProofOptions {
  source: string;
  output: string;
  /** A GGUF header with the planned types, whose model memory the file must have. */
  plannedHeader: string;
  window: Int32Array;
  /** Largest mean KL divergence that the plan predicted. */
  predictedKld: number;
  device: string;
}

export async function prove(context: JobContext, options: ProofOptions): Promise<Proof> {
  return stage(context, 'prove', async () => {
    const { source, output } = options;
    const tokens = options.window.slice(0, windowTokens);
    const device = await chooseDevice(context, options.device, [source, output]);
    const settings = { gpuLayers: device.gpuLayers, ...context.llamaThreads };
    const base = {
      runner: 'llama.cpp' as const,
      build: device.release,
      tolerance: Math.max(runnerTolerance, options.predictedKld),
    };
    try {
      return await context.llama(async (client) => {
        const compared = await client.compare({ reference: source, candidate: output, windows: [tokens], settings });
        const kld = compared.windows[0]?.kld ?? new Float32Array([Number.NaN]);
        const meanKld = kld.reduce((sum, value) => sum + value, 0) / kld.length;
        const positions = proofPositions.filter((position) => position < tokens.length);
        const ours = await client.logProbs({ model: output, tokens, positions, settings });
        const reference = await client.logProbs({ model: source, tokens, positions, settings });
        const maxLogProbDifference = largestLogProbDifference(reference.logProbs, ours.logProbs);
        const memory = await client.memory({
          requests: [options.plannedHeader, output].map((header) => ({ header, context: memoryContext, settings })),
        });
        const [plannedBytes, reportedBytes] = memory.results.map((parts) =>
          parts.reduce((sum, part) => sum + part.modelBytes, 0),
        );
        const written = await client.generate({
          model: output,
          prompt: 'Once upon a time',
          tokens: sampleTokens,
          settings,
        });
        const failure = failureOf({
          meanKld,
          maxLogProbDifference,
          tolerance: base.tolerance,
          plannedBytes,
          reportedBytes,
        });
        return {
          ...base,
          loaded: true,
          positions: positions.length,
          maxLogProbDifference,
          meanKld,
          passed: failure === null,
          sample: written.text,
          memory: { plannedBytes: plannedBytes ?? 0, reportedBytes: reportedBytes ?? 0 },
          peakMemoryBytes: Math.max(compared.peakMemoryBytes, written.peakMemoryBytes),
          reason: failure,
        };
      });
    } catch (error) {
      const { code, message } = AppError.from(error);
      if (code === 'CANCELLED') throw error;
      return notLoaded(base, message);
    }
  });
}

interface Measured {
  meanKld: number;
  maxLogProbDifference: number;
  tolerance: number;
  plannedBytes: number | undefined;
  reportedBytes: number | undefined;
}

function failureOf({ meanKld, maxLogProbDifference, tolerance, plannedBytes, reportedBytes }: Measured): string | null {
  if (!Number.isFinite(meanKld) || !Number.isFinite(maxLogProbDifference))
    return 'its log-probabilities are not finite';
  if (meanKld > tolerance) {
    return `its mean KL divergence to the source is ${meanKld.toFixed(4)}, above the ${tolerance.toFixed(4)} that the plan allows`;
  }
  if (plannedBytes !== reportedBytes)
    return `it takes ${reportedBytes} bytes for its weights where ${plannedBytes} were planned`;
  return null;
}

function notLoaded(base: Pick<Proof, 'runner' | 'build' | 'tolerance'>, reason: string): Proof {
  const none = {
    maxLogProbDifference: 0,
    meanKld: 0,
    sample: '',
    memory: { plannedBytes: 0, reportedBytes: 0 },
    peakMemoryBytes: 0,
  };
  return { ...base, ...none, loaded: false, positions: 0, passed: false, reason };
}
