// The parts of a block over windows of one fixed length: weights are fed by their role's name, norms are fused with the
// linears behind them (fusion.ts), so they are RMS norms without weights here and their outputs are the Gram sites.
import type { AttentionInputs, BlockParts, BlockShape } from '../architectures/architecture.ts';
import { causalAttention } from './causal-attention.ts';
import type { GraphBuilder, RopeTables, Value } from './graph-builder.ts';

export interface WindowShape extends BlockShape {
  windowLength: number;
  rope: RopeTables;
  /** Windows hold trees (token-trees.ts), fed as `mask` [B, 1, 1, T, T] and, with rotary tables, `positions` [B, T]. */
  hasTrees?: boolean;
}

/** Parts of a block whose rows are whole windows: N = windows · T. */
export function windowParts(g: GraphBuilder, shape: WindowShape): BlockParts {
  const { windowLength: length, hiddenSize, numAttentionHeads, numKeyValueHeads, headDim, normEps, rotaryDim } = shape;
  const ones = g.floats(new Float32Array(hiddenSize).fill(1), [hiddenSize]);
  const halves = [length, rotaryDim / 2];
  const mask = shape.hasTrees ? g.input('mask', ['B', 1, 1, length, length]) : null;
  const positions = shape.hasTrees && rotaryDim > 0 ? g.input('positions', ['B', length], 'int64') : null;
  const angles =
    rotaryDim > 0 ? { cos: g.floats(shape.rope.cos, halves), sin: g.floats(shape.rope.sin, halves) } : null;
  const tables = angles && { ...angles, ...(positions && { positions }) };

  /** [N, heads · hd] to [B, T, heads · hd], each head normed and rotated where the family does so. */
  const rotated = (rows: Value, heads: number, norm: Value | null): Value => {
    const normed = norm ? g.rmsNorm(g.reshape(rows, [-1, length, heads, headDim]), norm, normEps) : rows;
    const windows = g.reshape(normed, [-1, length, heads * headDim]);
    return tables ? g.rope(windows, tables, rotaryDim === headDim ? null : { rotaryDim, heads }) : windows;
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
      return causalAttention(g, heads, { ...sizes, ...(mask && { mask }) });
    },
    residual: (rows, branches) => g.sum([rows, ...branches]),
  };
}
