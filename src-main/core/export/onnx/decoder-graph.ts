// A whole decoder as one graph with a cache. Inputs and outputs are those that optimum exports for these families and
// that it and transformers.js feed, position_ids among them.
// Source: huggingface/optimum-onnx, TextDecoderWithPositionIdsOnnxConfig; transformers.js, models/session.js.
import type { OnnxWeight } from '../../graph/onnx-model.ts';
import { cachedParts, cacheValues } from './cached-block.ts';
import type { ExportedForm } from './exported-form.ts';
import { PortableGraph } from './portable-graph.ts';

/**
 * Inputs: `input_ids` [B, T], `attention_mask` [B, P + T] and `position_ids` [B, T] int64, `past_key_values.N.key` and `.value`
 * [B, KV, P, hd]; outputs: `logits` [B, T, V], `present.N.key` and `.value` [B, KV, P + T, hd]. P may be 0.
 * `divisors` [r / 2] of the rotary frequencies, null for ones.
 */
export function decoderGraph(
  form: ExportedForm,
  weights: readonly OnnxWeight[],
  divisors: ArrayLike<number> | null,
): PortableGraph {
  const { architecture, config, layers, width, nameOf } = form;
  const g = new PortableGraph(`${architecture.name}-decoder`, weights);
  const inputIds = g.input('input_ids', ['batch_size', 'sequence_length'], 'int64');
  const total = 'past_sequence_length + sequence_length';
  const attentionMask = g.input('attention_mask', ['batch_size', total], 'int64');
  const positionIds = g.input('position_ids', ['batch_size', 'sequence_length'], 'int64');
  const shared = cacheValues(g, { inputIds, attentionMask, positionIds }, config, divisors);

  const tokens = g.rowsOf(nameOf('embeddings')!, inputIds);
  const positions = nameOf('positions');
  const placed = positions === null ? tokens : g.add(tokens, g.rowsOf(positions, positionIds));
  let x = g.reshape(placed, [-1, width]);
  for (const [index, layer] of layers.entries()) {
    const parts = {
      ...cachedParts(g, { layer: index, config, shared, nameOf: layer.nameOf }),
      ...layer.residualParts(g),
    };
    x = architecture.buildBlock(g, x, { ...config, roles: layer.roles }, parts).output;
  }
  const headBias = nameOf('lmHeadBias');
  const rows = g.linear(
    form.finalNorm(g, x),
    g.weight(nameOf('lmHead')!),
    headBias === null ? null : g.weight(headBias),
  );
  const logits = g.reshapeTo(rows, g.concat([shared.batch, shared.length, g.integers([config.vocabSize])], 0));
  g.output('logits', logits, ['batch_size', 'sequence_length', config.vocabSize]);
  return g;
}
