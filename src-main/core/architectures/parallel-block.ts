// The block in which attention and MLP read one norm: x + Attention(norm(x)) + MLP(norm(x)).
// Source: transformers models/phi/modeling_phi.py (PhiDecoderLayer).
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { BlockParts, BlockShape, BlockValues } from './architecture.ts';
import { blockBranches } from './block-branches.ts';

/** Adds the block. `x` [N, D], N = windows · T. */
export function buildParallelBlock(g: GraphBuilder, x: Value, shape: BlockShape, parts: BlockParts): BlockValues {
  const branches = blockBranches(g, shape, parts);
  const attentionInput = parts.norm(x, 'attentionNorm');
  const attention = branches.attention(attentionInput);
  const mlp = branches.mlp(attentionInput);
  return {
    output: g.add(x, g.add(attention.output, mlp.output)),
    attentionInput,
    mlpInput: null,
    attentionOutputInput: attention.outputInput,
    mlpOutputInput: mlp.outputInput,
  };
}
