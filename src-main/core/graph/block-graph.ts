// The graphs of a forward pass: a block, the last norm's statistics, and the head. Rows are tokens; the number of
// windows of a run is free, their length is fixed, because masks and rotary tables are constants.
import type { Architecture, BlockShape } from '../architectures/architecture.ts';
import type { GraphTensor } from './block-runner.ts';
import { addGramOutputs, addSquaresOutput } from './gram.ts';
import type { Site } from './gram.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { Value } from './graph-builder.ts';

/** What is summed up besides the residual: nothing, squares of the columns of every linear's input, or Grams as well. */
export type StatisticsLevel = 'none' | 'squares' | 'grams';

/** Sites of a block, as names of outputs. */
export const blockSites = ['attentionInput', 'attentionOutputInput', 'mlpInput', 'mlpOutputInput'] as const;

export interface BuiltGraph {
  model: Uint8Array;
  /** Names of the outputs with statistics. */
  statistics: string[];
  /** Whether `ones` [1, N] has to be fed. */
  needsOnes: boolean;
}

/** What a run over `rows` tokens has to be fed besides rows and weights. */
export function statisticsFeeds({ needsOnes }: BuiltGraph, rows: number): Record<string, GraphTensor> {
  return needsOnes ? { ones: { data: new Float32Array(rows).fill(1), shape: [1, rows] } } : {};
}

/** Statistics of a norm's output: a Gram (its diagonal has the squares), or the squares alone. */
function addNormStatistics(g: GraphBuilder, site: Site, level: 'squares' | 'grams', ones: Value | null): string[] {
  if (level === 'grams') return addGramOutputs(g, site);
  addSquaresOutput(g, site, ones!);
  return [site.name];
}

/** Input `x` [N, D] and the layer's weights by role; output `y` [N, D], and statistics under the names of the sites. */
export function buildBlockGraph(architecture: Architecture, shape: BlockShape, level: StatisticsLevel): BuiltGraph {
  const g = new GraphBuilder(`${architecture.name}-block`);
  const { hiddenSize, intermediateSize, numAttentionHeads, headDim } = shape;
  const values = architecture.buildBlock(g, g.input('x', ['N', hiddenSize]), shape);
  g.output('y', values.output, ['N', hiddenSize]);
  if (level === 'none') return { model: g.encode(), statistics: [], needsOnes: false };

  const ones = g.input('ones', [1, 'N']);
  const widths = { attentionOutputInput: numAttentionHeads * headDim, mlpOutputInput: intermediateSize };
  const statistics = blockSites.flatMap((name) => {
    if (name === 'attentionInput' || name === 'mlpInput') {
      return addNormStatistics(g, { name, rows: values[name], columns: hiddenSize }, level, ones);
    }
    addSquaresOutput(g, { name, rows: values[name], columns: widths[name] }, ones);
    return [name];
  });
  return { model: g.encode(), statistics, needsOnes: true };
}

export interface HeadShape {
  hiddenSize: number;
  vocabSize: number;
  normEps: number;
}

/** Input `x` [N, D]; statistics of the last norm's weight-free output under `headInput`. */
export function buildFinalNormGraph({ hiddenSize, normEps }: HeadShape, level: 'squares' | 'grams'): BuiltGraph {
  const g = new GraphBuilder('final-norm');
  const x = g.input('x', ['N', hiddenSize]);
  const rows = g.rmsNorm(x, g.floats(new Float32Array(hiddenSize).fill(1), [hiddenSize]), normEps);
  const needsOnes = level === 'squares';
  const ones = needsOnes ? g.input('ones', [1, 'N']) : null;
  const statistics = addNormStatistics(g, { name: 'headInput', rows, columns: hiddenSize }, level, ones);
  return { model: g.encode(), statistics, needsOnes };
}

/**
 * Inputs `x` [R, D], `norm` [D], `head` [V, D] and `targets` [R, 1] int64; outputs `logits` and `logProbs` [R, V],
 * `nll` [R, 1] in nats. LogSoftmax is more exact than ReduceLogSumExp (docs: engine.md section 8).
 */
export function buildHeadGraph({ hiddenSize, vocabSize, normEps }: HeadShape): Uint8Array {
  const g = new GraphBuilder('head');
  const rows = g.rmsNorm(g.input('x', ['R', hiddenSize]), g.input('norm', [hiddenSize]), normEps);
  const logits = g.linear(rows, g.input('head', [vocabSize, hiddenSize]));
  const logProbs = g.logSoftmax(logits);
  g.output('nll', g.negate(g.pick(logProbs, g.input('targets', ['R', 1], 'int64'))), ['R', 1]);
  g.output('logits', logits, ['R', vocabSize]);
  g.output('logProbs', logProbs, ['R', vocabSize]);
  return g.encode();
}
