// The end of a forward pass: last norm and output layer, in slabs of the vocabulary. Logits leave the graph only for
// positions that are asked for.
import { buildFinalNormGraph, statisticsFeeds } from './block-graph.ts';
import type { GraphRuntime } from './block-runner.ts';
import { readFloats } from './float-values.ts';
import type { Dequantize } from './float-values.ts';
import { openHeadSlabs, rowsPerRun } from './head-slabs.ts';
import type { HeadSource, Slab } from './head-slabs.ts';
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

/** Rows that are wanted of a head's answer. */
export interface WantedRows {
  positions: readonly Position[];
  kind: 'logProbs' | 'logits';
}

export interface HeadResult {
  /** NLL in nats of the next token at every position but each window's last: [windows, T - 1]; empty when not wanted. */
  nll: Float32Array;
  /** [positions, V] of the token after each position. */
  rows: Float32Array;
}

export interface Head {
  /** Runs the output layer once for all that is wanted; `windows` null: no NLL. */
  run(
    residual: Residual,
    wanted: WantedRows & { windows: readonly Int32Array[] | null },
    signal: AbortSignal,
  ): Promise<HeadResult>;
  close(): Promise<void>;
}

/** Opens the head; one slab of the output layer is in memory at a time. Close it when done. @throws NON_FINITE */
export async function openHead(decoder: HeadSource, runtime: GraphRuntime, dequantize: Dequantize): Promise<Head> {
  const { hiddenSize, vocabSize } = decoder.config;
  const slabs = await openHeadSlabs({ decoders: { candidate: decoder }, runtime, dequantize });

  /** Fills a slab's columns of `rows` [positions, V] with logits. */
  async function addLogits(
    slab: Slab,
    residual: Residual,
    positions: readonly Position[],
    rows: Float32Array,
  ): Promise<void> {
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
        rows.set(values, (start + row) * vocabSize + slab.start);
      }
    }
  }

  return {
    async run(residual, { windows, positions, kind }, signal) {
      const rows = new Float32Array(positions.length * vocabSize);
      const onSlab = (slab: Slab): Promise<void> => addLogits(slab, residual, positions, rows);
      let nll = new Float32Array();
      if (windows) {
        const targets = nextTokens(windows, residual.windowLength);
        const { candidate } = await scoreTokens({ slabs, residuals: { candidate: residual }, targets, signal, onSlab });
        nll = Float32Array.from(candidate.logSumExp, (total, row) => total - candidate.targetLogit[row]!);
        nll = nll.filter((_, row) => targets[row] !== -1);
      } else {
        for await (const slab of slabs.slabs()) await onSlab(slab);
      }
      if (kind === 'logProbs') {
        for (const row of positions.keys()) normalise(rows.subarray(row * vocabSize, (row + 1) * vocabSize));
      }
      return { nll, rows };
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
  { decoder, runtime, dequantize }: { decoder: HeadSource; runtime: GraphRuntime; dequantize: Dequantize },
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
