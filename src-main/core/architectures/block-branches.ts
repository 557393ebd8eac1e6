// The two branches of a decoder block, whatever way they are put together: attention, and the MLP with or without a gate.
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { BlockParts, BlockShape, LayerRole, LinearRole } from './architecture.ts';

/** What a branch adds to the residual [N, D], and the input of the linear that makes it. */
export interface Branch {
  output: Value;
  outputInput: Value;
}

export interface BlockBranches {
  /** `rows` [N, D] normed, N = windows · T. */
  attention: (rows: Value) => Branch;
  mlp: (rows: Value) => Branch;
}

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

export function blockBranches(g: GraphBuilder, shape: BlockShape, parts: BlockParts): BlockBranches {
  const has = (role: LayerRole): boolean => shape.roles.has(role);
  const linear = (rows: Value, role: LinearRole): Value => {
    const sizes = linearSizes(role, shape);
    const bias = has(`${role}Bias`) ? parts.weight(`${role}Bias`, [sizes[0]]) : null;
    return g.linear(rows, parts.weight(role, sizes), bias);
  };
  const headNorm = (role: 'qNorm' | 'kNorm'): Value | null => (has(role) ? parts.weight(role, [shape.headDim]) : null);
  const active = (rows: Value): Value => g.activate(rows, shape.activation);

  return {
    attention(rows) {
      const outputInput = parts.attend({
        q: linear(rows, 'q'),
        k: linear(rows, 'k'),
        v: linear(rows, 'v'),
        qNorm: headNorm('qNorm'),
        kNorm: headNorm('kNorm'),
      });
      return { outputInput, output: linear(outputInput, 'o') };
    },
    mlp(rows) {
      const outputInput = has('gate')
        ? g.multiply(active(linear(rows, 'gate')), linear(rows, 'up'))
        : active(linear(rows, 'up'));
      return { outputInput, output: linear(outputInput, 'down') };
    },
  };
}
