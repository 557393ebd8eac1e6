// The block that llama and its relatives share: x + Attention(RMSNorm(x)), then x + MLP(RMSNorm(x)) with a gated MLP.
// Source: transformers models/llama/modeling_llama.py (LlamaDecoderLayer).
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { BlockParts, BlockShape, BlockValues, LayerRole, LinearRole } from './architecture.ts';

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

/** Adds the block. `x` [N, D], N = windows · T. */
export function buildSequentialBlock(g: GraphBuilder, x: Value, shape: BlockShape, parts: BlockParts): BlockValues {
  const has = (role: LayerRole): boolean => shape.roles.has(role);
  const linear = (rows: Value, role: LinearRole): Value => {
    const sizes = linearSizes(role, shape);
    const bias = has(`${role}Bias`) ? parts.weight(`${role}Bias`, [sizes[0]]) : null;
    return g.linear(rows, parts.weight(role, sizes), bias);
  };
  const headNorm = (role: 'qNorm' | 'kNorm'): Value | null => (has(role) ? parts.weight(role, [shape.headDim]) : null);

  const attentionInput = parts.norm(x, 'attentionNorm');
  const attentionOutputInput = parts.attend({
    q: linear(attentionInput, 'q'),
    k: linear(attentionInput, 'k'),
    v: linear(attentionInput, 'v'),
    qNorm: headNorm('qNorm'),
    kNorm: headNorm('kNorm'),
  });
  const middle = parts.residual(x, [linear(attentionOutputInput, 'o')], 'attentionNorm');

  const mlpInput = parts.norm(middle, 'mlpNorm');
  const mlpOutputInput = g.multiply(g.silu(linear(mlpInput, 'gate')), linear(mlpInput, 'up'));
  const output = parts.residual(middle, [linear(mlpOutputInput, 'down')], 'mlpNorm');
  return { output, attentionInput, mlpInput, attentionOutputInput, mlpOutputInput };
}
