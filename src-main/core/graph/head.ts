// The end of a forward pass: last norm, output layer, log-softmax, in chunks of rows. Logits leave the graph only for
// positions that are asked for.
import type { Decoder } from '../architectures/decoder.ts';
import { buildFinalNormGraph, buildHeadGraph, statisticsFeeds } from './block-graph.ts';
import type { HeadShape } from './block-graph.ts';
import type { BlockRunner, GraphRuntime, GraphTensor } from './block-runner.ts';
import { readFloats } from './float-values.ts';
import type { Dequantize } from './float-values.ts';
import { residualRuns } from './residual.ts';
import type { Residual } from './residual.ts';
import { SiteSums } from './site-sums.ts';

/** Rows of logits that exist at a time, fewer where the vocabulary is large: 64 MiB an array (docs/graphs.md). */
const mostRows = 256;
const mostLogits = 2 ** 24;

/** A token of a window. */
export interface Position {
  window: number;
  position: number;
}

/** What the input of the head saw, summed over all tokens in float64. */
export interface HeadStatistics {
  rows: number;
  /** [D, D] Gram of the last norm's weight-free output; null unless asked for. */
  gram: Float64Array | null;
  /** [D] sums of squares of the columns of the head's input, norm weight included. */
  squares: Float64Array;
}

export interface Head {
  /** NLL in nats of the next token at every position but each window's last: [windows, T - 1]. */
  nll(residual: Residual, windows: readonly Int32Array[], signal: AbortSignal): Promise<Float32Array>;
  /** Rows [positions, V] of log-probabilities, or logits, of the token after each position. */
  rows(residual: Residual, positions: readonly Position[], kind: 'logProbs' | 'logits'): Promise<Float32Array>;
  close(): Promise<void>;
}

const headShape = ({ config }: Decoder): HeadShape => config;

/** Opens the head; it holds the output layer in float32, [V, D]. Close it when done. @throws NON_FINITE */
export async function openHead(decoder: Decoder, runtime: GraphRuntime, dequantize: Dequantize): Promise<Head> {
  const { model, config } = decoder;
  const { hiddenSize, vocabSize } = config;
  const feeds = {
    norm: { data: await readFloats(model, decoder.finalNorm, dequantize), shape: [hiddenSize] },
    head: { data: await readFloats(model, decoder.lmHead, dequantize), shape: [vocabSize, hiddenSize] },
  };
  const chunkRows = Math.max(1, Math.min(mostRows, Math.floor(mostLogits / vocabSize)));
  const runner: BlockRunner = await runtime.open(buildHeadGraph(headShape(decoder)));

  const run = (x: GraphTensor, targets: GraphTensor, output: string): Promise<Float32Array> =>
    runner.run({ x, targets, ...feeds }, { [output]: null }).then((outputs) => outputs[output]!);

  return {
    async nll(residual, windows, signal) {
      const { windowLength } = residual;
      const result = new Float32Array(windows.length * (windowLength - 1));
      for (const [index, window] of windows.entries()) {
        for (let start = 0; start < windowLength - 1; start += chunkRows) {
          signal.throwIfAborted();
          const rows = Math.min(chunkRows, windowLength - 1 - start);
          const values = await residual.read(index * windowLength + start, rows);
          const x = { data: values, shape: [rows, hiddenSize] };
          const targets = BigInt64Array.from(window.subarray(start + 1, start + 1 + rows), BigInt);
          result.set(await run(x, { data: targets, shape: [rows, 1] }, 'nll'), index * (windowLength - 1) + start);
        }
      }
      return result;
    },
    async rows(residual, positions, kind) {
      const result = new Float32Array(positions.length * vocabSize);
      for (let start = 0; start < positions.length; start += chunkRows) {
        const chosen = positions.slice(start, start + chunkRows);
        const x = new Float32Array(chosen.length * hiddenSize);
        for (const [row, { window, position }] of chosen.entries()) {
          x.set(await residual.read(window * residual.windowLength + position, 1), row * hiddenSize);
        }
        const targets = { data: new BigInt64Array(chosen.length), shape: [chosen.length, 1] };
        result.set(await run({ data: x, shape: [chosen.length, hiddenSize] }, targets, kind), start * vocabSize);
      }
      return result;
    },
    close: () => runner.dispose(),
  };
}

/** Statistics of the last norm, the last of the 2L + 1 sites; its Gram where `hasGram` says so. */
export async function headStatistics(
  { decoder, runtime, dequantize }: { decoder: Decoder; runtime: GraphRuntime; dequantize: Dequantize },
  residual: Residual,
  hasGram: boolean,
  signal: AbortSignal,
): Promise<HeadStatistics> {
  const norm = await readFloats(decoder.model, decoder.finalNorm, dequantize);
  const graph = buildFinalNormGraph(headShape(decoder), hasGram);
  const runner = await runtime.open(graph.model);
  try {
    const sums = new SiteSums(graph.statistics);
    for await (const { values, rows } of residualRuns(residual)) {
      signal.throwIfAborted();
      const x = { data: values, shape: [rows, residual.hiddenSize] };
      sums.add(await runner.run({ x, ...statisticsFeeds(graph, rows) }, sums.wanted), rows);
    }
    const gram = sums.grams().get('headInput') ?? null;
    return { rows: sums.rows, squares: sums.squares('headInput', norm), gram };
  } finally {
    await runner.dispose();
  }
}
