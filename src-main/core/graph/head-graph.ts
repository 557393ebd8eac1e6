// The graph of the end of a forward pass over a slab of the vocabulary, for one model or two side by side. Every figure
// is of the slab alone; token-scores.ts puts slabs together.
import type { Decoder } from '../architectures/decoder.ts';
import type { FinalNormShape } from './block-graph.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { Value } from './graph-builder.ts';

/** The candidate is always there; the reference is what it is compared with. */
export type HeadSide = 'candidate' | 'reference';
export interface HeadShape extends FinalNormShape {
  hasNormBias: boolean;
  hasHeadBias: boolean;
}
export type HeadShapes = Readonly<Partial<Record<HeadSide, HeadShape>> & { candidate: HeadShape }>;

/** What of a model its head's graph depends on. */
export interface HeadFacts extends Pick<Decoder, 'finalNormBias' | 'lmHeadBias'> {
  config: FinalNormShape;
}

export const headShape = ({ config, finalNormBias, lmHeadBias }: HeadFacts): HeadShape => ({
  hiddenSize: config.hiddenSize,
  normEps: config.normEps,
  hasNormBias: finalNormBias !== null,
  hasHeadBias: lmHeadBias !== null,
});

/** Per row and side [R, 1]: the largest logit, its place in the slab, its share of the slab's probability, the target's logit. */
export const sideFigures = ['top', 'topIndex', 'topShare', 'target'] as const;
export type SideFigure = (typeof sideFigures)[number];

/**
 * Per side inputs `SIDE.x` [R, D], `SIDE.norm` [D] and `SIDE.head` [S, D], where there are such `SIDE.normBias` [D] and
 * `SIDE.headBias` [S], and outputs `SIDE.logits` [R, S] and
 * `SIDE.FIGURE`; input `targets` [R, 1] int64 within the slab. With a reference also `ones` [S, 1] and the output `gap`
 * [R, 1]: the mean of reference logit minus candidate logit under the slab's share of the reference's probabilities.
 * Softmax and its largest value give log-sum-exp to 5e-6; ReduceLogSumExp is ten times worse (docs/graphs.md).
 */
export function buildHeadGraph({ candidate, reference }: HeadShapes): Uint8Array {
  const g = new GraphBuilder('head');
  const targets = g.input('targets', ['R', 1], 'int64');
  const { logits } = addSide(g, 'candidate', candidate, targets);
  if (reference) {
    const expected = addSide(g, 'reference', reference, targets);
    const weighted = g.multiply(expected.probabilities, g.subtract(expected.logits, logits));
    g.output('gap', g.matmul(weighted, g.input('ones', ['S', 1])), ['R', 1]);
  }
  return g.encode();
}

function addSide(
  g: GraphBuilder,
  side: HeadSide,
  { hiddenSize, normEps, hasNormBias, hasHeadBias }: HeadShape,
  targets: Value,
): { logits: Value; probabilities: Value } {
  const x = g.input(`${side}.x`, ['R', hiddenSize]);
  const normed = g.rmsNorm(x, g.input(`${side}.norm`, [hiddenSize]), normEps);
  const rows = hasNormBias ? g.add(normed, g.input(`${side}.normBias`, [hiddenSize])) : normed;
  const bias = hasHeadBias ? g.input(`${side}.headBias`, ['S']) : null;
  const logits = g.linear(rows, g.input(`${side}.head`, ['S', hiddenSize]), bias);
  const probabilities = g.softmax(logits);
  const top = g.top(logits);
  const figures: Record<SideFigure, Value> = {
    top: top.value,
    topIndex: top.index,
    topShare: g.pick(probabilities, top.index),
    target: g.pick(logits, targets),
  };
  for (const name of sideFigures) {
    g.output(`${side}.${name}`, figures[name], ['R', 1], name === 'topIndex' ? 'int64' : 'float32');
  }
  g.output(`${side}.logits`, logits, ['R', 'S']);
  return { logits, probabilities };
}
