// The keys under the architecture's own name. Source: llama.cpp v0.4.0, conversion/base.py and conversion/llama.py
// (set_gguf_parameters).
import { join } from 'node:path';
import { namedScaling, scalingNumber } from '../../architectures/rope-scaling.ts';
import type { Dimensions } from './dimensions.ts';
import { bool, float32, string, uint32, type Entries } from './entries.ts';
import type { Family } from './families/family.ts';
import type { ModelFolder } from './model-folder.ts';

/** `needsVocabSize`: without a tokenizer llama.cpp learns the size of the vocabulary from a key. */
export function architectureKeys(
  family: Family,
  folder: ModelFolder,
  dimensions: Dimensions,
  needsVocabSize: boolean,
): Entries {
  const { sizes, headDim } = dimensions;
  const scaling = namedScaling(folder.config);
  const factor = scaling?.name === 'linear' ? scalingNumber(scaling, 'factor', join(folder.path, 'config.json')) : null;
  const keys: Entries = [
    ['block_count', uint32(dimensions.layers)],
    ['context_length', uint32(dimensions.contextLength)],
    ['embedding_length', uint32(sizes.hidden)],
    ['feed_forward_length', uint32(sizes.feedForward)],
    ['attention.head_count', uint32(dimensions.heads)],
    ['attention.head_count_kv', uint32(dimensions.keyValueHeads)],
    ['attention.causal', folder.config.is_causal === false ? bool(false) : null],
    ['rope.scaling.type', factor === null ? null : string('linear')],
    ['rope.scaling.factor', factor === null ? null : float32(factor)],
    ['rope.freq_base', float32(dimensions.ropeTheta)],
    [
      family.hasLayerNorms ? 'attention.layer_norm_epsilon' : 'attention.layer_norm_rms_epsilon',
      float32(dimensions.normEps),
    ],
    ['attention.key_length', uint32(headDim)],
    ['attention.value_length', uint32(headDim)],
    ['vocab_size', family.writesRopeDimension || needsVocabSize ? uint32(sizes.vocabulary) : null],
    ['rope.dimension_count', family.writesRopeDimension ? uint32(dimensions.rotaryDim) : null],
  ];
  return keys.map(([key, value]) => [`${family.ggufArchitecture}.${key}`, value]);
}
