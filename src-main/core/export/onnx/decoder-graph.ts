// A whole decoder as one graph with a cache. Inputs and outputs are those that optimum exports for these families and
// that it and transformers.js feed, position_ids among them.
// Source: huggingface/optimum-onnx, TextDecoderWithPositionIdsOnnxConfig; transformers.js, models/session.js.
import type { GlobalRole, LayerRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { OnnxWeight } from '../../graph/onnx-model.ts';
import { globalTensorName, layerTensorName } from '../weights/decoder-tensors.ts';
import { cachedParts, cacheValues } from './cached-block.ts';
import { PortableGraph } from './portable-graph.ts';

/**
 * Inputs: `input_ids` [B, T], `attention_mask` [B, P + T] and `position_ids` [B, T] int64, `past_key_values.N.key` and `.value`
 * [B, KV, P, hd]; outputs: `logits` [B, T, V], `present.N.key` and `.value` [B, KV, P + T, hd]. P may be 0.
 * `divisors` [r / 2] of the rotary frequencies, null for ones.
 */
export function decoderGraph(
  decoder: Decoder,
  weights: readonly OnnxWeight[],
  divisors: ArrayLike<number> | null,
): PortableGraph {
  const { architecture, config, layers, embeddings, positions, lmHead, lmHeadBias, finalNormBias } = decoder;
  const { hiddenSize, vocabSize, normEps } = config;
  const g = new PortableGraph(`${architecture.name}-decoder`, weights);
  const inputIds = g.input('input_ids', ['batch_size', 'sequence_length'], 'int64');
  const total = 'past_sequence_length + sequence_length';
  const attentionMask = g.input('attention_mask', ['batch_size', total], 'int64');
  const positionIds = g.input('position_ids', ['batch_size', 'sequence_length'], 'int64');
  const shared = cacheValues(g, { inputIds, attentionMask, positionIds }, config, divisors);

  const nameOf = (role: GlobalRole): string => globalTensorName(decoder, role);
  const tokens = g.rowsOf(nameOf('embeddings'), inputIds);
  const placed = positions ? g.add(tokens, g.rowsOf(nameOf('positions'), positionIds)) : tokens;
  let x = g.reshape(placed, [-1, hiddenSize]);
  for (const [layer, entries] of layers.entries()) {
    const names = (role: LayerRole): string => layerTensorName(decoder, layer, role);
    const parts = cachedParts(g, { layer, config, norm: architecture.norm.kind, shared, nameOf: names });
    x = architecture.buildBlock(g, x, { ...config, roles: new Set(entries.keys()) }, parts).output;
  }
  const rows = finalNormBias
    ? g.layerNorm(x, g.weight(nameOf('finalNorm')), g.weight(nameOf('finalNormBias')), normEps)
    : g.rmsNorm(x, g.weight(nameOf('finalNorm')), normEps);
  const head = g.weight(nameOf(lmHead === embeddings ? 'embeddings' : 'lmHead'));
  const sizes = g.concat([shared.batch, shared.length, g.integers([vocabSize])], 0);
  const logits = g.reshapeTo(g.linear(rows, head, lmHeadBias && g.weight(nameOf('lmHeadBias'))), sizes);
  g.output('logits', logits, ['batch_size', 'sequence_length', vocabSize]);
  return g;
}
