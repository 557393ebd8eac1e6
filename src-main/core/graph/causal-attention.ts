// Causal attention with grouped heads from plain operators, in blocks of queries: the form that is fastest at windows
// of 512 and right on every provider (docs/graphs.md). Block i sees only the keys up to its last query.
// Letters: B windows, T tokens, KV key/value heads, G queries per key (H / KV), hd head size, bt queries of a block.
import type { GraphBuilder, Value } from './graph-builder.ts';

export interface AttentionShape {
  windowLength: number;
  heads: number;
  keyValueHeads: number;
  headDim: number;
  /** [B, 1, 1, T, T] added to the scores instead of the causal mask; no token may see a later one. */
  mask?: Value;
}

/** Queries per block: at T = 2048 6-9 % less CPU time of a block than with 128, at T = 512 the same (docs/graphs.md). */
const blockLength = 64;
/** Added to the scores of later tokens; softmax makes 0 of it. */
export const masked = -1e30;

/**
 * softmax(q·kᵀ/sqrt(hd) + mask)·v. `q` [B, T, H·hd], `k` and `v` [B, T, KV·hd], rotated already. Answers [B·T, H·hd].
 * Grouped heads are rows: no key or value is repeated.
 */
export function causalAttention(
  g: GraphBuilder,
  { q, k, v }: { q: Value; k: Value; v: Value },
  shape: AttentionShape,
): Value {
  const { windowLength, heads, keyValueHeads, headDim } = shape;
  const groups = heads / keyValueHeads;
  const scaled = g.multiply(q, g.floats(Float32Array.of(1 / Math.sqrt(headDim)), []));
  const queries = g.transpose(g.reshape(scaled, [0, 0, keyValueHeads, groups, headDim]), [0, 2, 3, 1, 4]);
  const keys = g.transpose(g.reshape(k, [0, 0, keyValueHeads, headDim]), [0, 2, 3, 1]);
  const values = g.transpose(g.reshape(v, [0, 0, keyValueHeads, headDim]), [0, 2, 1, 3]);

  const sizes = blockSizes(windowLength);
  const blocks = sizes.length === 1 ? [queries] : g.split(queries, 3, sizes);
  let end = 0;
  const contexts = blocks.map((block, index) => {
    const rows = sizes[index]!;
    end += rows;
    const isWhole = end === windowLength;
    const flat = g.reshape(block, [0, keyValueHeads, groups * rows, headDim]);
    const scores = g.matmul(flat, isWhole ? keys : g.slice(keys, 3, [0, end]));
    const mask = shape.mask ? maskBlock(g, shape.mask, windowLength, [end - rows, end]) : causalMask(g, rows, end);
    // Scores are seen as [B, KV, G, bt, end], so that one mask serves all groups; a reshape copies nothing.
    const grouped = g.reshape(scores, [0, 0, groups, rows, end]);
    const weights = g.reshape(g.softmax(g.add(grouped, mask)), [0, 0, groups * rows, end]);
    const context = g.matmul(weights, isWhole ? values : g.slice(values, 2, [0, end]));
    return g.reshape(context, [0, 0, groups, rows, headDim]);
  });
  const joined = contexts.length === 1 ? contexts[0]! : g.concat(contexts, 3);
  return g.reshape(g.transpose(joined, [0, 3, 1, 2, 4]), [-1, heads * headDim]);
}

/** Queries of each block, nearly equal. */
export function blockSizes(windowLength: number): number[] {
  const count = Math.max(1, Math.round(windowLength / blockLength));
  return Array.from(
    { length: count },
    (_, index) => Math.floor((windowLength * (index + 1)) / count) - Math.floor((windowLength * index) / count),
  );
}

/** [B, 1, 1, end - start, end] of a mask [B, 1, 1, T, T]: what queries `start` to `end` see of the keys up to `end`. */
function maskBlock(
  g: GraphBuilder,
  mask: Value,
  windowLength: number,
  [start, end]: readonly [start: number, end: number],
): Value {
  const rows = start === 0 && end === windowLength ? mask : g.slice(mask, 3, [start, end]);
  return end === windowLength ? rows : g.slice(rows, 4, [0, end]);
}

/** [rows, end]: the last row sees all `end` keys, each row before it one less. */
function causalMask(g: GraphBuilder, rows: number, end: number): Value {
  const mask = new Float32Array(rows * end);
  for (let row = 0; row < rows; row += 1) mask.fill(masked, row * end + end - rows + row + 1, (row + 1) * end);
  return g.floats(mask, [rows, end]);
}
