// The parts of a block over windows of one fixed length: weights are fed by their role's name, norm weights are folded
// into the linears behind them (SliceGPT §3.1), so norms have no weight here and their outputs are the Gram sites.
import type { AttentionInputs, BlockParts, BlockShape } from '../architectures/architecture.ts';
import { causalAttention } from './causal-attention.ts';
import type { GraphBuilder, RopeTables, Value } from './graph-builder.ts';

export interface WindowShape extends BlockShape {
  windowLength: number;
  rope: RopeTables;
}

/** Parts of a block whose rows are whole windows: N = windows · T. */
export function windowParts(g: GraphBuilder, shape: WindowShape): BlockParts {
  const { windowLength: length, hiddenSize, numAttentionHeads, numKeyValueHeads, headDim, normEps } = shape;
  const ones = g.floats(new Float32Array(hiddenSize).fill(1), [hiddenSize]);
  const halves = [length, headDim / 2];
  const tables = { cos: g.floats(shape.rope.cos, halves), sin: g.floats(shape.rope.sin, halves) };

  /** [N, heads · hd] to [B, T, heads · hd], each head normed where the family does so, and rotated. */
  const rotated = (rows: Value, heads: number, norm: Value | null): Value => {
    if (!norm) return g.rope(g.reshape(rows, [-1, length, heads * headDim]), tables);
    const perHead = g.rmsNorm(g.reshape(rows, [-1, length, heads, headDim]), norm, normEps);
    return g.rope(g.reshape(perHead, [-1, length, heads * headDim]), tables);
  };

  return {
    weight: (role, sizes) => g.input(role, sizes),
    norm: (rows) => g.rmsNorm(rows, ones, normEps),
    attend: ({ q, k, v, qNorm, kNorm }: AttentionInputs) => {
      const heads = {
        q: rotated(q, numAttentionHeads, qNorm),
        k: rotated(k, numKeyValueHeads, kNorm),
        v: g.reshape(v, [-1, length, numKeyValueHeads * headDim]),
      };
      const sizes = { windowLength: length, heads: numAttentionHeads, keyValueHeads: numKeyValueHeads, headDim };
      return causalAttention(g, heads, sizes);
    },
    residual: (rows, branches) => g.sum([rows, ...branches]),
  };
}
