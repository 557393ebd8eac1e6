// The block that llama and its relatives share: x + Attention(norm(x)), then x + MLP(norm(x)).
// Source: transformers models/llama/modeling_llama.py (LlamaDecoderLayer).
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { BlockParts, BlockShape, BlockValues } from './architecture.ts';
import { blockBranches } from './block-branches.ts';

/** Adds the block. `x` [N, D], N = windows · T. */
export function buildSequentialBlock(g: GraphBuilder, x: Value, shape: BlockShape, parts: BlockParts): BlockValues {
  const branches = blockBranches(g, shape, parts);
  const attentionInput = parts.norm(x, 'attentionNorm');
  const attention = branches.attention(attentionInput);
  const middle = g.add(x, attention.output);

  const mlpInput = parts.norm(middle, 'mlpNorm');
  const mlp = branches.mlp(mlpInput);
  return {
    output: g.add(middle, mlp.output),
    attentionInput,
    mlpInput,
    attentionOutputInput: attention.outputInput,
    mlpOutputInput: mlp.outputInput,
  };
}
