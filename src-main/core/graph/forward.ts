// A whole forward pass over token windows: embeddings, layers outside, windows inside, head in chunks of rows.
import type { Progress } from '../../contract/progress.ts';
import type { Decoder } from '../architectures/decoder.ts';
import type { StatisticsSite } from './block-graph.ts';
import { openBlockStream } from './block-stream.ts';
import type { LayerStatistics } from './block-stream.ts';
import type { GraphRuntime } from './block-runner.ts';
import type { Dequantize } from './float-values.ts';
import { headStatistics, openHead } from './head.ts';
import type { HeadSource } from './head-slabs.ts';
import { passProgress } from './pass-progress.ts';
import type { HeadResult, HeadStatistics, Position } from './head.ts';
import { embedWindows, residualShape } from './embed-windows.ts';
import { memoryResidual } from './residual.ts';
import type { Residual } from './residual.ts';
import type { WindowTrees } from './token-trees.ts';

export interface ForwardOptions {
  decoder: Decoder;
  /** Token ids, all windows of one length T. */
  windows: readonly Int32Array[];
  /** Where a window's tokens do not simply follow each other; an NLL would mean nothing then. */
  trees?: WindowTrees;
  runtime: GraphRuntime;
  dequantize: Dequantize;
  /** Where the residual is kept; stays open. In memory by default. */
  residual?: Residual;
  /** The first layer to run; above 0, `residual` holds its input. @default 0 */
  firstLayer?: number;
  /** Whether the NLL of every next token is wanted; by default it is. */
  nll?: boolean;
  /** Where rows of log-probabilities (or logits) are wanted. */
  positions?: readonly Position[];
  rowKind?: 'logProbs' | 'logits';
  statistics?: {
    /** Sites whose Grams are wanted; the squares of every linear's input columns are always there. */
    grams: readonly StatisticsSite[];
    /** Called layer by layer; what it is given is not kept here. */
    onLayer: (statistics: LayerStatistics) => void | Promise<void>;
    onHead: (statistics: HeadStatistics) => void | Promise<void>;
  };
  signal: AbortSignal;
  progress?: (progress: Progress) => void;
}

export type ForwardResult = HeadResult;

/** Runs `decoder` over `windows`. @throws USAGE on bad windows, NON_FINITE naming a tensor or a layer, OUT_OF_MEMORY */
export async function forward(options: ForwardOptions): Promise<ForwardResult> {
  const { decoder, windows, trees, runtime, dequantize, firstLayer = 0, statistics, signal } = options;
  const shape = residualShape(decoder, windows, trees);
  const { residual = memoryResidual(shape) } = options;
  const { windowLength } = shape;
  if (firstLayer === 0) await embedWindows(decoder, { windows, trees }, dequantize, residual);
  const grams = statistics?.grams ?? null;
  const stream = await openBlockStream({ decoder, runtime, dequantize, windowLength, trees, grams });
  try {
    const rows = windows.length * windowLength;
    const passes = decoder.layers.length;
    const onRun = passProgress({ stage: 'forward', rows, passes, done: firstLayer }, options.progress);
    const runLayer = async (layer: number): Promise<void> => {
      const found = await stream.runLayer(layer, residual, { signal, onRun });
      if (found) await statistics?.onLayer(found);
    };
    // In a frame of its own: a loop's would keep one layer's statistics alive while the next one runs.
    for (let layer = firstLayer; layer < decoder.layers.length; layer += 1) await runLayer(layer);
  } finally {
    await stream.close();
  }
  return headResult(decoder, residual, options);
}

/** The end of a forward pass: what the head makes of the last residual, statistics included. */
export async function headResult(
  decoder: HeadSource,
  residual: Residual,
  options: Omit<ForwardOptions, 'decoder'>,
): Promise<ForwardResult> {
  const { windows, runtime, dequantize, statistics, signal } = options;
  if (statistics) {
    const hasGram = statistics.grams.includes('headInput');
    await statistics.onHead(await headStatistics({ decoder, runtime, dequantize }, residual, hasGram, signal));
  }
  const { nll = true, positions = [], rowKind = 'logProbs' } = options;
  if (!nll && positions.length === 0) return { nll: new Float32Array(), rows: new Float32Array() };
  const head = await openHead(decoder, runtime, dequantize);
  try {
    return await head.run(residual, { windows: nll ? windows : null, positions, kind: rowKind }, signal);
  } finally {
    await head.close();
  }
}
