// Runs a model's blocks over a residual, layer by layer: one layer's weights and one graph in memory at a time.
import type { Architecture, LayerRole, LinearRole } from '../architectures/architecture.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { ropeTables } from '../architectures/rope.ts';
import { buildBlockGraph, statisticsFeeds } from './block-graph.ts';
import type { BlockSite, BuiltGraph, StatisticsSite } from './block-graph.ts';
import type { BlockRunner, GraphRuntime } from './block-runner.ts';
import { GraphSessions } from './graph-sessions.ts';
import { blockWeightReader, readRopeDivisors } from './block-weights.ts';
import type { BlockWeights } from './block-weights.ts';
import type { Dequantize } from './float-values.ts';
import { requireFinite } from './finite-layer.ts';
import { fusedRoles } from './fusion.ts';
import { residualRuns } from './residual.ts';
import type { Residual } from './residual.ts';
import { treeFeeds } from './token-trees.ts';
import type { WindowTrees } from './token-trees.ts';
import { SiteSums } from './site-sums.ts';

export interface BlockStreamOptions {
  decoder: Decoder;
  runtime: GraphRuntime;
  dequantize: Dequantize;
  windowLength: number;
  /** Of the windows, where their tokens do not simply follow each other. */
  trees?: WindowTrees | undefined;
  /** Sites whose Grams are wanted besides the squares of all sites; null for no statistics. */
  grams: readonly StatisticsSite[] | null;
}

/** What one layer saw, summed over all tokens in float64. */
export interface LayerStatistics {
  layer: number;
  /** Tokens summed over. */
  rows: number;
  /** [in, in] Grams of the sites asked for; behind a norm, of its output without its weight. */
  grams: ReadonlyMap<BlockSite, Float64Array>;
  /** [in] sums of squares of the columns of each linear's input, norm weight included. */
  squares: ReadonlyMap<LinearRole, Float64Array>;
}

export interface BlockStream {
  /**
   * Replaces the residual by what `layer` makes of it. Answers its statistics, null where none are wanted.
   * @throws NON_FINITE naming the layer that gives what is not finite, or the tensor that holds it
   */
  runLayer(
    layer: number,
    residual: Residual,
    control: { signal: AbortSignal; onRun?: (rows: number) => void },
  ): Promise<LayerStatistics | null>;
  close(): Promise<void>;
}

/** Opens a stream for windows of one length. Close it when done. */
export async function openBlockStream(options: BlockStreamOptions): Promise<BlockStream> {
  const { decoder, runtime, windowLength, trees, grams } = options;
  const rope = ropeTables(decoder.config, windowLength, await readRopeDivisors(decoder, options.dequantize));
  const read = blockWeightReader(decoder, options.dequantize);
  const { hiddenSize } = decoder.config;
  const file = decoder.model.path;
  const rolesOf = (layer: number): ReadonlySet<LayerRole> =>
    fusedRoles(decoder.architecture, decoder.layers[layer]!.keys());

  async function open(layer: number): Promise<BuiltGraph & { runner: BlockRunner }> {
    const roles = rolesOf(layer);
    const shape = { ...decoder.config, windowLength, rope, roles, hasTrees: trees !== undefined };
    const graph = buildBlockGraph(decoder.architecture, shape, grams);
    return { ...graph, runner: await runtime.open(graph.model) };
  }
  const graphs = new GraphSessions(
    decoder.layers.map((_, layer) => [...rolesOf(layer)].join()),
    open,
  );

  return {
    async runLayer(layer, residual, { signal, onRun }) {
      const weights = await read(layer);
      const sums = await graphs.use(layer, async (graph) => {
        const found = new SiteSums(graph.statistics);
        for await (const { first, rows, values } of residualRuns(residual)) {
          signal.throwIfAborted();
          const x = { data: values, shape: [rows, residual.hiddenSize] };
          const more = { ...statisticsFeeds(graph, rows), ...treeFeeds(trees, { first, rows }, decoder.config) };
          found.add(await graph.runner.run({ x, ...more, ...weights.feeds }, { y: x, ...found.wanted }), rows);
          // Where statistics are wanted they are looked at, which names the linear too.
          if (grams === null) requireFinite(values, { file, layer, first, windowLength, hiddenSize });
          await residual.write(first, values);
          onRun?.(rows);
        }
        return found;
      });
      await residual.advance();
      return grams === null ? null : layerStatistics(decoder.architecture, layer, sums, weights.norms);
    },
    close: () => graphs.close(),
  };
}

/** What a layer's sums say of its linears; `fused` is what the graph's norms are without. */
export function layerStatistics(
  { norms, attentionOutput, mlpOutput }: Architecture,
  layer: number,
  sums: SiteSums,
  fused: BlockWeights['norms'],
): LayerStatistics {
  const sites = { attentionNorm: 'attentionInput', mlpNorm: 'mlpInput' } as const;
  return {
    layer,
    rows: sums.rows,
    squares: new Map<LinearRole, Float64Array>([
      ...norms.flatMap(({ norm, linears }) => {
        const squares = sums.squares(sites[norm], fused.get(norm));
        return linears.map((role) => [role, squares] as const);
      }),
      [attentionOutput, sums.squares('attentionOutputInput')],
      [mlpOutput, sums.squares('mlpOutputInput')],
    ]),
    grams: sums.grams() as Map<BlockSite, Float64Array>,
  };
}
