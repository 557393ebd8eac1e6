// A forward pass of a sliced model: the same windows, head and statistics as any model's, with residuals that change
// their width between layers and go through shortcuts. Layers outside, windows inside; one layer in memory.
import type { LayerRole } from '../../architectures/architecture.ts';
import { ropeTables } from '../../architectures/rope.ts';
import { statisticsFeeds } from '../../graph/block-graph.ts';
import type { BuiltGraph } from '../../graph/block-graph.ts';
import type { BlockRunner, GraphTensor } from '../../graph/block-runner.ts';
import { layerStatistics } from '../../graph/block-stream.ts';
import type { LayerStatistics } from '../../graph/block-stream.ts';
import { readRopeDivisors } from '../../graph/block-weights.ts';
import { embedWindows, residualShape } from '../../graph/embed-windows.ts';
import { readFloats } from '../../graph/float-values.ts';
import { requireFinite } from '../../graph/finite-layer.ts';
import { GraphSessions } from '../../graph/graph-sessions.ts';
import { headResult } from '../../graph/forward.ts';
import type { ForwardOptions, ForwardResult } from '../../graph/forward.ts';
import { passProgress } from '../../graph/pass-progress.ts';
import { memoryResidual, residualRows, residualRuns } from '../../graph/residual.ts';
import type { Residual, ResidualShape } from '../../graph/residual.ts';
import { SiteSums } from '../../graph/site-sums.ts';
import { treeFeeds } from '../../graph/token-trees.ts';
import { layerWidths } from './fused-form.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';
import { buildSlicedBlockGraph } from './sliced-graphs.ts';
import { slicedHead } from './sliced-head.ts';

export interface SlicedForwardOptions extends Omit<ForwardOptions, 'decoder' | 'residual' | 'firstLayer'> {
  decoder: SlicedDecoder;
  /** Makes a place for a residual; one more is made wherever the width changes. @default memoryResidual */
  openResidual?: (shape: ResidualShape) => Promise<Residual>;
}

const inMemory = (shape: ResidualShape): Promise<Residual> => Promise.resolve(memoryResidual(shape));

/** Runs a sliced model over `windows`. @throws as forward */
export async function slicedForward(options: SlicedForwardOptions): Promise<ForwardResult> {
  const { decoder } = options;
  const residual = await slicedHiddenStates(options);
  try {
    const { statistics, ...rest } = options;
    if (!statistics) return await headResult(slicedHead(decoder), residual, rest);
    // The graph's last norm divides by the width, RMSN by D.
    const scale = decoder.config.hiddenSize / residual.hiddenSize;
    const onHead: typeof statistics.onHead = (found) =>
      statistics.onHead({ ...found, gram: found.gram && found.gram.map((value) => value * scale) });
    return await headResult(slicedHead(decoder), residual, { ...rest, statistics: { ...statistics, onHead } });
  } finally {
    await residual.close();
  }
}

/** The residual in front of the last norm, [windows · T, h]; close it when done. @throws as forward */
export async function slicedHiddenStates(options: SlicedForwardOptions): Promise<Residual> {
  const { decoder, windows, trees, dequantize, statistics, signal } = options;
  const { openResidual = inMemory } = options;
  const shape = { ...residualShape(decoder, windows, trees), hiddenSize: decoder.widths[0]! };
  const passes = { stage: 'forward', rows: residualRows(shape), passes: decoder.layers.length };
  const onRun = passProgress(passes, options.progress);
  const opened = new Set<Residual>();
  const make = async (hiddenSize: number): Promise<Residual> => {
    const made = await openResidual({ ...shape, hiddenSize });
    opened.add(made);
    return made;
  };
  const drop = async (old: Residual): Promise<void> => {
    opened.delete(old);
    await old.close();
  };
  const stream = await openSlicedStream(options, shape.windowLength);
  try {
    let residual = await make(shape.hiddenSize);
    await embedWindows(decoder, { windows, trees }, dequantize, residual);
    for (const layer of decoder.layers.keys()) {
      const { output: hiddenSize } = layerWidths(decoder, decoder.widths, layer).at(-1)!;
      const next = hiddenSize === residual.hiddenSize ? residual : await make(hiddenSize);
      const found = await stream.runLayer(layer, { from: residual, to: next }, { signal, onRun });
      if (next !== residual) await drop(residual);
      residual = next;
      if (found) await statistics?.onLayer(found);
    }
    return residual;
  } catch (error) {
    for (const residual of opened) await drop(residual);
    throw error;
  } finally {
    await stream.close();
  }
}

interface SlicedStream {
  /** Runs `layer` on one residual and leaves what it makes of it in `to`, which may be the same. */
  runLayer(
    layer: number,
    residuals: { from: Residual; to: Residual },
    control: { signal: AbortSignal; onRun: (rows: number) => void },
  ): Promise<LayerStatistics | null>;
  close(): Promise<void>;
}

async function openSlicedStream(
  { decoder, trees, runtime, dequantize, statistics }: SlicedForwardOptions,
  windowLength: number,
): Promise<SlicedStream> {
  const { architecture, config, widths, model } = decoder;
  const rope = ropeTables(
    config,
    windowLength,
    await readRopeDivisors({ model, config, ropeDivisors: null }, dequantize),
  );
  async function open(layer: number): Promise<BuiltGraph & { runner: BlockRunner }> {
    const roles = new Set(decoder.layers[layer]!.keys()) as ReadonlySet<LayerRole>;
    const shape = { ...config, windowLength, rope, roles, hasTrees: trees !== undefined };
    const own = layerWidths(decoder, widths, layer);
    const graph = buildSlicedBlockGraph(architecture, shape, own, statistics?.grams ?? null);
    return { ...graph, runner: await runtime.open(graph.model) };
  }
  const formOf = (roles: Iterable<string>, layer: number): string =>
    JSON.stringify([[...roles], layerWidths(decoder, widths, layer)]);
  const graphs = new GraphSessions(
    decoder.layers.map((entries, layer) => formOf(entries.keys(), layer)),
    open,
  );

  async function readLayer(layer: number): Promise<Record<string, GraphTensor>> {
    const feeds: Record<string, GraphTensor> = {};
    for (const [role, entry] of decoder.layers[layer]!) {
      feeds[role] = { data: await readFloats(model, entry, dequantize), shape: entry.shape.toReversed() };
    }
    return feeds;
  }

  return {
    async runLayer(layer, { from, to }, { signal, onRun }) {
      const weights = await readLayer(layer);
      const sums = await graphs.use(layer, async (graph) => {
        const found = new SiteSums(graph.statistics);
        for await (const { first, rows, values } of residualRuns(from)) {
          signal.throwIfAborted();
          const x = { data: values, shape: [rows, from.hiddenSize] };
          const data = to === from ? values : new Float32Array(rows * to.hiddenSize);
          const y = { data, shape: [rows, to.hiddenSize] };
          const more = { ...statisticsFeeds(graph, rows), ...treeFeeds(trees, { first, rows }, config) };
          const feeds = { x, ...more, ...weights };
          found.add(await graph.runner.run(feeds, { y, ...found.wanted }), rows);
          requireFinite(data, { file: model.path, layer, first, windowLength, hiddenSize: to.hiddenSize });
          await to.write(first, data);
          onRun(rows);
        }
        return found;
      });
      await to.advance();
      return statistics ? layerStatistics(architecture, layer, sums, new Map()) : null;
    },
    close: () => graphs.close(),
  };
}
