// The graphs of a forward pass but the head: a block, and the last norm's statistics. Rows are tokens; the number of
// windows of a run is free, their length is fixed, because masks and rotary tables are constants.
import type { Architecture } from '../architectures/architecture.ts';
import type { GraphTensor } from './block-runner.ts';
import { addGramOutputs, addSquaresOutput, addSumsOutput } from './gram.ts';
import type { Site, SiteOutputs } from './gram.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { Value } from './graph-builder.ts';
import { windowParts } from './window-block.ts';
import type { WindowShape } from './window-block.ts';

/** Where statistics are taken: inputs of linears, those behind a norm without the norm's weight. Names of outputs. */
export const blockSites = ['attentionInput', 'attentionOutputInput', 'mlpInput', 'mlpOutputInput'] as const;
export type BlockSite = (typeof blockSites)[number];
export type StatisticsSite = BlockSite | 'headInput';

/** The norm inputs' sites (2L + 1, or L + 1 of parallel blocks), of which one rotation for a whole model is made (SliceGPT; docs/graphs.md). */
export const normSites: readonly StatisticsSite[] = ['attentionInput', 'mlpInput', 'headInput'];

export interface BuiltGraph {
  model: Uint8Array;
  statistics: readonly SiteOutputs[];
}

/** What a run over `rows` tokens has to be fed besides rows and weights. */
export function statisticsFeeds({ statistics }: BuiltGraph, rows: number): Record<string, GraphTensor> {
  return statistics.length > 0 ? { ones: { data: new Float32Array(rows).fill(1), shape: [1, rows] } } : {};
}

/** What is wanted of a site: its Gram, whose diagonal has the squares, or the squares of its columns alone; their sums. */
interface Wanted {
  gram: boolean;
  sums: boolean;
}

function addStatistics(g: GraphBuilder, site: Site, { gram, sums }: Wanted, ones: Value): SiteOutputs {
  const outputs = gram ? addGramOutputs(g, site) : addSquaresOutput(g, site, ones);
  return { ...outputs, sums: sums ? addSumsOutput(g, site, ones) : null };
}

/** Behind a norm with a bias the sums of columns are needed too: what a linear reads is not what was summed. */
const needsSums = ({ norm }: Architecture, site: StatisticsSite): boolean =>
  norm.kind === 'layernorm' && normSites.includes(site);

/**
 * Input `x` [N, D] and the layer's weights by role; output `y` [N, D]. With `grams` (null: no statistics) every site is
 * an output too: the sites named as Grams, the others as squares of their columns. Norms are fused (fusion.ts).
 */
export function buildBlockGraph(
  architecture: Architecture,
  shape: WindowShape,
  grams: readonly StatisticsSite[] | null,
): BuiltGraph {
  const g = new GraphBuilder(`${architecture.name}-block`);
  const { hiddenSize, intermediateSize, numAttentionHeads, headDim } = shape;
  const values = architecture.buildBlock(g, g.input('x', ['N', hiddenSize]), shape, windowParts(g, shape));
  g.output('y', values.output, ['N', hiddenSize]);
  if (!grams) return { model: g.encode(), statistics: [] };

  const ones = g.input('ones', [1, 'N']);
  const columns: Record<BlockSite, number> = {
    attentionInput: hiddenSize,
    attentionOutputInput: numAttentionHeads * headDim,
    mlpInput: hiddenSize,
    mlpOutputInput: intermediateSize,
  };
  const statistics = blockSites.flatMap((name) => {
    const rows = values[name];
    const wanted = { gram: grams.includes(name), sums: needsSums(architecture, name) };
    return rows === null ? [] : [addStatistics(g, { name, rows, columns: columns[name] }, wanted, ones)];
  });
  return { model: g.encode(), statistics };
}

export interface FinalNormShape {
  hiddenSize: number;
  normEps: number;
}

/** Input `x` [N, D]; output: the site `headInput`, the last norm without its weight, as a Gram or as squares. */
export function buildFinalNormGraph(
  architecture: Architecture,
  { hiddenSize, normEps }: FinalNormShape,
  hasGram: boolean,
): BuiltGraph {
  const g = new GraphBuilder('final-norm');
  const x = g.input('x', ['N', hiddenSize]);
  const rows = g.rmsNorm(x, g.floats(new Float32Array(hiddenSize).fill(1), [hiddenSize]), normEps);
  const ones = g.input('ones', [1, 'N']);
  const wanted = { gram: hasGram, sums: needsSums(architecture, 'headInput') };
  const statistics = [addStatistics(g, { name: 'headInput', rows, columns: hiddenSize }, wanted, ones)];
  return { model: g.encode(), statistics };
}
