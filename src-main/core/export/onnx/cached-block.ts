// The parts of a block whose attention continues a cache: what onnxruntime, optimum and transformers.js call
// past_key_values. Padding on the left is masked.
// Letters: B batch, T new tokens, P past, S = P + T, H heads, KV key/value heads, G = H / KV, hd head size.
import type { BlockParts, DecoderConfig, LayerRole } from '../../architectures/architecture.ts';
import { ropeFrequencies } from '../../architectures/rope.ts';
import type { Value } from '../../graph/graph-builder.ts';
import type { PortableGraph } from './portable-graph.ts';

/** Added to the scores of tokens that are not seen; softmax makes 0 of it, and no row is without a number. */
const unseen = -1e30;

/** Values that every layer uses. */
export interface CacheValues {
  /** int64 [1]: B and T. */
  batch: Value;
  length: Value;
  /** [B, 1, 1, T, S], added to scores. */
  mask: Value;
  /** [B, T, 1, r / 2]; null where nothing rotates. */
  rope: { cos: Value; sin: Value } | null;
  /** Sizes of scores with the queries of a group apart, [B, KV, G, T, S], and joined, [B, KV, G·T, S]. */
  grouped: Value;
  joined: Value;
}

export interface CacheInputs {
  /** int64: [B, T], [B, S] with 0 for padding, [B, T]. */
  inputIds: Value;
  attentionMask: Value;
  positionIds: Value;
}

/** `divisors` [r / 2] of the rotary frequencies, null for ones. */
export function cacheValues(
  g: PortableGraph,
  { inputIds, attentionMask, positionIds }: CacheInputs,
  config: DecoderConfig,
  divisors: ArrayLike<number> | null,
): CacheValues {
  const { rotaryDim, numAttentionHeads, numKeyValueHeads, ropeTheta } = config;
  const [batch, length, total] = [g.sizeOf(inputIds, 0), g.sizeOf(inputIds, 1), g.sizeOf(attentionMask, 1)];
  const past = g.subtract(total, length);
  const queries = g.reshape(g.range(past, total), [-1, 1]);
  const keys = g.range(g.integers([0]), total);
  const seen = g.reshape(attentionMask, [0, 1, 1, 1, -1]);

  const frequencies = Float32Array.from(
    ropeFrequencies(ropeTheta, rotaryDim),
    (value, j) => value / (divisors?.[j] ?? 1),
  );
  const groups = numAttentionHeads / numKeyValueHeads;
  return {
    batch,
    length,
    mask: g.causalMask(queries, keys, seen, unseen),
    rope:
      rotaryDim === 0 ? null : g.angles(g.reshape(positionIds, [0, -1, 1, 1]), g.floats(frequencies, [rotaryDim / 2])),
    grouped: g.concat([batch, g.integers([numKeyValueHeads, groups]), length, total], 0),
    joined: g.concat([batch, g.integers([numKeyValueHeads, -1]), total], 0),
  };
}

export interface CachedLayer {
  layer: number;
  config: DecoderConfig;
  shared: CacheValues;
  /** Name of a role's initializer. */
  nameOf: (role: LayerRole) => string;
}

/** What of one layer's block is the same however its residual goes on; adds the inputs and outputs of its cache, [B, KV, P, hd] and [B, KV, S, hd]. */
export function cachedParts(
  g: PortableGraph,
  { layer, config, shared, nameOf }: CachedLayer,
): Pick<BlockParts, 'weight' | 'attend'> {
  const { numAttentionHeads, numKeyValueHeads, headDim, normEps, rotaryDim } = config;
  const groups = numAttentionHeads / numKeyValueHeads;

  /** Rotates heads [B, T, heads, hd], or their first dimensions. */
  const turned = (rows: Value): Value => {
    if (!shared.rope) return rows;
    if (rotaryDim === headDim) return g.rotate(rows, headDim / 2, shared.rope);
    const [first, rest] = g.split(rows, -1, [rotaryDim, headDim - rotaryDim]) as [Value, Value];
    return g.concat([g.rotate(first, rotaryDim / 2, shared.rope), rest], -1);
  };

  /** [N, heads · hd] to [B, heads, T, hd], each head normed and rotated where the family does so. */
  const rotated = (rows: Value, heads: number, norm: Value | null): Value => {
    const apart = perHead(rows, heads);
    const normed = norm ? g.rmsNorm(apart, norm, normEps) : apart;
    return g.transpose(turned(normed), [0, 2, 1, 3]);
  };
  const perHead = (rows: Value, heads: number): Value =>
    g.reshapeTo(rows, g.concat([shared.batch, shared.length, g.integers([heads, headDim])], 0));

  /** Puts new heads behind those of the cache. */
  const continued = (part: 'key' | 'value', fresh: Value): Value => {
    const shape = (tokens: string): (string | number)[] => ['batch_size', numKeyValueHeads, tokens, headDim];
    const past = g.input(`past_key_values.${layer}.${part}`, shape('past_sequence_length'));
    const all = g.concat([past, fresh], 2);
    g.output(`present.${layer}.${part}`, all, shape('past_sequence_length + sequence_length'));
    return all;
  };

  return {
    weight: (role) => g.weight(nameOf(role)),
    attend: ({ q, k, v, qNorm, kNorm }) => {
      const scale = g.floats(Float32Array.of(1 / Math.sqrt(headDim)), []);
      const keys = continued('key', rotated(k, numKeyValueHeads, kNorm));
      const values = continued('value', g.transpose(perHead(v, numKeyValueHeads), [0, 2, 1, 3]));
      // Grouped heads are rows: no key or value is repeated.
      const queries = g.reshape(g.multiply(rotated(q, numAttentionHeads, qNorm), scale), [
        0,
        numKeyValueHeads,
        -1,
        headDim,
      ]);
      const scores = g.reshapeTo(g.matmul(queries, g.transpose(keys, [0, 1, 3, 2])), shared.grouped);
      const weights = g.reshapeTo(g.softmax(g.add(scores, shared.mask)), shared.joined);
      const context = g.reshape(g.matmul(weights, values), [0, numKeyValueHeads, groups, -1, headDim]);
      return g.reshape(g.transpose(context, [0, 3, 1, 2, 4]), [-1, numAttentionHeads * headDim]);
    },
  };
}
