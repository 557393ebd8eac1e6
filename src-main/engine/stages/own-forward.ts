// The two sides of a proof: our own forward of a file, and llama.cpp's of the same file at its most exact.
import { exactSettings } from '../../contract/llama-host-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { hasOnlyFloats } from '../../core/quantization/float-model.ts';
import type { LlamaClient } from '../children.ts';
import type { JobContext } from '../jobs/context.ts';

interface ProofWindow {
  tokens: Int32Array;
  /** Places in `tokens` whose next token's log-probabilities are compared. */
  positions: number[];
}

/** [positions, V] by our block graphs, on the processor. @throws NON_FINITE naming a tensor */
export async function ownLogProbs(context: JobContext, model: string, window: ProofWindow): Promise<Float32Array> {
  const { threads, signal } = context;
  const { logProbs } = await context.worker((client) =>
    client.blockLogProbs({ model, ...window, threads }, { signal }),
  );
  return logProbs;
}

/** [positions, V] by llama.cpp, on the processor too: the limits are those of its kernels there. */
export function exactLogProbs(
  context: JobContext,
  client: LlamaClient,
  model: string,
  window: ProofWindow,
): ReturnType<LlamaClient['logProbs']> {
  const settings = { ...exactSettings, gpuLayers: 0, ...context.llamaThreads };
  return client.logProbs({ model, ...window, settings }, { signal: context.signal });
}

/** How far log-probabilities of tokens with p >= 0.01 may lie apart, by what llama.cpp rounds activations to (docs/graphs.md). */
const tolerances = { F32: 2e-3, F16: 0.06, BF16: 0.16, quantised: 1 } as const;

/**
 * The tolerance for a file that has graphs: that of its coarsest matrix, of F16 at least where llama.cpp looks the
 * activation up in a table of F16 values (GELU by tanh: ggml-cpu/vec.h).
 */
export async function logProbTolerance(file: string): Promise<number> {
  const model = await openModel(file);
  const { tensors } = model;
  const { activation } = openDecoder(model).config;
  await model.close();
  if (!hasOnlyFloats(tensors)) return tolerances.quantised;
  const types = new Set(tensors.filter(({ shape }) => shape.length > 1).map(({ type }) => type));
  if (types.has('BF16')) return tolerances.BF16;
  return types.has('F16') || activation === 'geluTanh' ? tolerances.F16 : tolerances.F32;
}
