// The block that llama and its relatives share: x + Attention(RMSNorm(x)), then x + MLP(RMSNorm(x)) with a gated MLP.
// Source: transformers models/llama/modeling_llama.py (LlamaDecoderLayer); norm weights are folded into the linears
// behind them (SliceGPT §3.1), so norms have no weight here and their outputs are the Gram sites.
import { causalAttention } from '../graph/causal-attention.ts';
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { BlockShape, BlockValues, LayerRole, LinearRole } from './architecture.ts';

/** Sizes of a role's weight as fed: [out, in]. */
function linearSizes(role: LinearRole, shape: BlockShape): readonly [number, number] {
  const query = shape.numAttentionHeads * shape.headDim;
  const keyValue = shape.numKeyValueHeads * shape.headDim;
  const { hiddenSize: hidden, intermediateSize } = shape;
  const sizes = {
    q: [query, hidden],
    k: [keyValue, hidden],
    v: [keyValue, hidden],
    o: [hidden, query],
    gate: [intermediateSize, hidden],
    up: [intermediateSize, hidden],
    down: [hidden, intermediateSize],
  } as const;
  return sizes[role];
}

/** Adds the block. `x` [N, D], N = windows · T. Inputs of the graph: one per role that `shape.roles` has. */
export function buildSequentialBlock(g: GraphBuilder, x: Value, shape: BlockShape): BlockValues {
  const { windowLength: length, hiddenSize, numAttentionHeads, numKeyValueHeads, headDim, normEps } = shape;
  const ones = g.floats(new Float32Array(hiddenSize).fill(1), [hiddenSize]);
  const halves = [length, headDim / 2];
  const tables = { cos: g.floats(shape.rope.cos, halves), sin: g.floats(shape.rope.sin, halves) };

  const linear = (rows: Value, role: LinearRole): Value => {
    const sizes = linearSizes(role, shape);
    const bias = shape.roles.has(`${role}Bias`) ? g.input(`${role}Bias`, [sizes[0]]) : null;
    return g.linear(rows, g.input(role, sizes), bias);
  };
  /** [N, heads · hd] to [B, T, heads · hd], each head normed where the family does so, and rotated. */
  const rotated = (rows: Value, heads: number, norm: LayerRole): Value => {
    if (!shape.roles.has(norm)) return g.rope(g.reshape(rows, [-1, length, heads * headDim]), tables);
    const perHead = g.rmsNorm(g.reshape(rows, [-1, length, heads, headDim]), g.input(norm, [headDim]), normEps);
    return g.rope(g.reshape(perHead, [-1, length, heads * headDim]), tables);
  };

  const attentionInput = g.rmsNorm(x, ones, normEps);
  const q = rotated(linear(attentionInput, 'q'), numAttentionHeads, 'qNorm');
  const k = rotated(linear(attentionInput, 'k'), numKeyValueHeads, 'kNorm');
  const v = g.reshape(linear(attentionInput, 'v'), [-1, length, numKeyValueHeads * headDim]);
  const heads = { windowLength: length, heads: numAttentionHeads, keyValueHeads: numKeyValueHeads, headDim };
  const attentionOutputInput = causalAttention(g, { q, k, v }, heads);
  const middle = g.add(x, linear(attentionOutputInput, 'o'));

  const mlpInput = g.rmsNorm(middle, ones, normEps);
  const mlpOutputInput = g.multiply(g.silu(linear(mlpInput, 'gate')), linear(mlpInput, 'up'));
  const output = g.add(middle, linear(mlpOutputInput, 'down'));
  return { output, attentionInput, mlpInput, attentionOutputInput, mlpOutputInput };
}
