// Runs output layers over slabs of the vocabulary: slabs outside, rows inside, so that neither a whole output layer nor
// the logits of many rows are ever in memory.
import type { Decoder } from '../architectures/decoder.ts';
import type { GraphRuntime, GraphTensor } from './block-runner.ts';
import { readFloatRows, readFloats } from './float-values.ts';
import type { Dequantize } from './float-values.ts';
import { buildHeadGraph, headShape } from './head-graph.ts';
import type { HeadSide } from './head-graph.ts';

/** Rows of hidden states per run. */
export const rowsPerRun = 256;
/** Elements of a slab of one output layer (64 MiB), and of a run's logits (16 MiB). */
const mostWeights = 2 ** 24;
const mostLogits = 2 ** 22;

export type HeadDecoders = Readonly<Partial<Record<HeadSide, Decoder>> & { candidate: Decoder }>;
/** [rows, D] of every side that is there. */
export type HeadRows = Readonly<Partial<Record<HeadSide, Float32Array>>>;

/** Tokens `start` to `start + size - 1` of the vocabulary. */
export interface Slab {
  start: number;
  size: number;
  /** Runs the graph of head-graph.ts; a target outside the slab gives a `target` of no meaning. */
  run(rows: HeadRows, targets: Int32Array, outputs: readonly string[]): Promise<Record<string, Float32Array>>;
}

export interface HeadSlabs {
  /** All slabs in order. One at a time: the next overwrites the weights of the last. */
  slabs(): AsyncGenerator<Slab, void>;
  close(): Promise<void>;
}

export interface HeadSlabsOptions {
  decoders: HeadDecoders;
  runtime: GraphRuntime;
  dequantize: Dequantize;
  /** Tokens of a slab. @default what keeps to the limits above */
  slabSize?: number;
}

/** Opens the heads of models of one vocabulary. Close it when done. @throws NON_FINITE */
export async function openHeadSlabs(options: HeadSlabsOptions): Promise<HeadSlabs> {
  const { decoders, runtime, dequantize } = options;
  const { vocabSize } = decoders.candidate.config;
  const sides = Object.entries(decoders) as [HeadSide, Decoder][];
  const widest = Math.max(...sides.map(([, { config }]) => config.hiddenSize));
  const mostTokens = Math.max(1, Math.floor(Math.min(mostLogits / rowsPerRun, mostWeights / widest)));
  const slabSize = options.slabSize ?? Math.min(vocabSize, mostTokens);
  const vectors = await Promise.all(sides.map(async ([side, decoder]) => headVectors(side, decoder, dequantize)));
  const buffers = sides.map(([, { config }]) => new Float32Array(slabSize * config.hiddenSize));
  const ones = new Float32Array(slabSize).fill(1);
  const runner = await runtime.open(
    buildHeadGraph({
      candidate: headShape(decoders.candidate),
      ...(decoders.reference && { reference: headShape(decoders.reference) }),
    }),
  );

  async function readSlab(start: number, size: number): Promise<Record<string, GraphTensor>> {
    const feeds: Record<string, GraphTensor> = decoders.reference
      ? { ones: { data: ones.subarray(0, size), shape: [size, 1] } }
      : {};
    for (const [index, [side, { model, lmHead, config }]] of sides.entries()) {
      const { hiddenSize } = config;
      const target = buffers[index]!.subarray(0, size * hiddenSize);
      const data = await readFloatRows({ model, entry: lmHead, firstRow: start }, dequantize, target);
      feeds[`${side}.head`] = { data, shape: [size, hiddenSize] };
      const { feeds: own, headBias } = vectors[index]!;
      Object.assign(feeds, own);
      if (headBias) feeds[`${side}.headBias`] = { data: headBias.subarray(start, start + size), shape: [size] };
    }
    return feeds;
  }

  return {
    async *slabs() {
      for (let start = 0; start < vocabSize; start += slabSize) {
        const size = Math.min(slabSize, vocabSize - start);
        const weights = await readSlab(start, size);
        yield {
          start,
          size,
          run(rows, targets, outputs) {
            const places = BigInt64Array.from(targets, (target) =>
              BigInt(target >= start && target < start + size ? target - start : 0),
            );
            const feeds: Record<string, GraphTensor> = { targets: { data: places, shape: [targets.length, 1] } };
            for (const [side, { config }] of sides) {
              feeds[`${side}.x`] = { data: rows[side]!, shape: [targets.length, config.hiddenSize] };
            }
            return runner.run({ ...feeds, ...weights }, Object.fromEntries(outputs.map((name) => [name, null])));
          },
        };
      }
    },
    close: () => runner.dispose(),
  };
}

/** What a side feeds besides its matrix: the last norm, and the whole bias [V] of the output layer. */
async function headVectors(
  side: HeadSide,
  { model, finalNorm, finalNormBias, lmHeadBias, config }: Decoder,
  dequantize: Dequantize,
): Promise<{ feeds: Record<string, GraphTensor>; headBias: Float32Array | null }> {
  const shape = [config.hiddenSize];
  const feeds: Record<string, GraphTensor> = {
    [`${side}.norm`]: { data: await readFloats(model, finalNorm, dequantize), shape },
  };
  if (finalNormBias) {
    feeds[`${side}.normBias`] = { data: await readFloats(model, finalNormBias, dequantize), shape };
  }
  return { feeds, headBias: lmHeadBias && (await readFloats(model, lmHeadBias, dequantize)) };
}
