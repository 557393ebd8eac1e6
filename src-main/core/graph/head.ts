// The end of a forward pass: last norm and output layer, in slabs of the vocabulary. Logits leave the graph only for
// positions that are asked for.
import type { Decoder } from '../architectures/decoder.ts';
import { buildFinalNormGraph, statisticsFeeds } from './block-graph.ts';
import type { GraphRuntime } from './block-runner.ts';
import { readFloats } from './float-values.ts';
import type { Dequantize } from './float-values.ts';
import { openHeadSlabs, rowsPerRun } from './head-slabs.ts';
import { residualRuns } from './residual.ts';
import type { Residual } from './residual.ts';
import { SiteSums } from './site-sums.ts';
import { nextTokens, scoreTokens } from './token-scores.ts';

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

/** Opens the head; one slab of the output layer is in memory at a time. Close it when done. @throws NON_FINITE */
export async function openHead(decoder: Decoder, runtime: GraphRuntime, dequantize: Dequantize): Promise<Head> {
  const { hiddenSize, vocabSize } = decoder.config;
  const slabs = await openHeadSlabs({ decoders: { candidate: decoder }, runtime, dequantize });

  return {
    async nll(residual, windows, signal) {
      const { windowLength } = residual;
      const targets = nextTokens(windows, windowLength);
      const { candidate } = await scoreTokens({ slabs, residuals: { candidate: residual }, targets, signal });
      const nll = Float32Array.from(candidate.logSumExp, (total, row) => total - candidate.targetLogit[row]!);
      return nll.filter((_, row) => targets[row] !== -1);
    },
    async rows(residual, positions, kind) {
      const result = new Float32Array(positions.length * vocabSize);
      for await (const slab of slabs.slabs()) {
        for (let start = 0; start < positions.length; start += rowsPerRun) {
          const chosen = positions.slice(start, start + rowsPerRun);
          const x = new Float32Array(chosen.length * hiddenSize);
          for (const [row, { window, position }] of chosen.entries()) {
            x.set(await residual.read(window * residual.windowLength + position, 1), row * hiddenSize);
          }
          const outputs = await slab.run({ candidate: x }, new Int32Array(chosen.length), ['candidate.logits']);
          const logits = outputs['candidate.logits']!;
          for (const row of chosen.keys()) {
            const values = logits.subarray(row * slab.size, (row + 1) * slab.size);
            result.set(values, (start + row) * vocabSize + slab.start);
          }
        }
      }
      if (kind === 'logProbs') {
        for (const row of positions.keys()) normalise(result.subarray(row * vocabSize, (row + 1) * vocabSize));
      }
      return result;
    },
    close: () => slabs.close(),
  };
}

/** Logits to log-probabilities, in place; the sum is in float64. */
function normalise(logits: Float32Array): void {
  const most = logits.reduce((top, value) => Math.max(top, value), -Infinity);
  const total = most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
  for (let index = 0; index < logits.length; index += 1) logits[index]! -= total;
}

/** Statistics of the last norm, the last of the 2L + 1 sites; its Gram where `hasGram` says so. */
export async function headStatistics(
  { decoder, runtime, dequantize }: { decoder: Decoder; runtime: GraphRuntime; dequantize: Dequantize },
  residual: Residual,
  hasGram: boolean,
  signal: AbortSignal,
): Promise<HeadStatistics> {
  const { model, finalNorm, finalNormBias, architecture, config } = decoder;
  const norm = {
    weight: await readFloats(model, finalNorm, dequantize),
    bias: finalNormBias && (await readFloats(model, finalNormBias, dequantize)),
  };
  const graph = buildFinalNormGraph(architecture, config, hasGram);
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
