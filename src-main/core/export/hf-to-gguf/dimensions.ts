// The sizes of a model as its family reads them: config.json, with the family's values where it is silent.
import { join } from 'node:path';
import { malformed } from '../../../contract/errors.ts';
import { isJsonObject } from '../../formats/json-object.ts';
import type { ModelConfig } from '../../formats/model-config.ts';
import type { Dimension, Family } from './families/family.ts';
import type { ConfigJson, ModelFolder } from './model-folder.ts';

export interface Dimensions {
  layers: number;
  heads: number;
  keyValueHeads: number;
  headDim: number;
  /** Dimensions of a head that rotate. */
  rotaryDim: number;
  contextLength: number;
  ropeTheta: number;
  normEps: number;
  tiedEmbeddings: boolean;
  /** What shapes are made of. */
  sizes: Readonly<Record<Dimension, number>>;
}

/** @throws FILE_MALFORMED when a size is missing or heads cannot share */
export function readDimensions(family: Family, folder: ModelFolder, model: ModelConfig): Dimensions {
  const file = join(folder.path, 'config.json');
  const needed = (value: number | null, key: string): number => {
    if (value !== null) return value;
    throw malformed(file, `field ${key}`, { expected: 'a whole number above zero', actual: 'none', key });
  };
  const { defaults } = family;
  const hidden = needed(model.hiddenSize, 'hidden_size');
  const heads = needed(model.numAttentionHeads, 'num_attention_heads');
  const headDim = folder.config.head_dim ?? defaults.headDim ?? needed(model.headDim, 'head_dim');
  const keyValueHeads = folder.config.num_key_value_heads ?? defaults.numKeyValueHeads ?? heads;
  if (headDim % 2 !== 0 || keyValueHeads === 0 || heads % keyValueHeads !== 0) {
    throw malformed(file, 'the attention heads', {
      expected: 'heads of an even size, a whole number of them per key-value head',
      actual: `${heads} heads of ${headDim}, ${keyValueHeads} key-value heads`,
    });
  }
  return {
    layers: needed(model.numHiddenLayers, 'num_hidden_layers'),
    heads,
    keyValueHeads,
    headDim,
    rotaryDim: Math.floor(headDim * rotaryShare(family, folder)),
    contextLength: contextOf(family, folder, model),
    ropeTheta: model.ropeTheta ?? defaults.ropeTheta,
    normEps: model.normEps ?? defaults.normEps,
    tiedEmbeddings: model.tiedEmbeddings,
    sizes: {
      hidden,
      vocabulary: needed(model.vocabSize, 'vocab_size'),
      feedForward: needed(model.intermediateSize, 'intermediate_size'),
      queries: heads * headDim,
      keys: keyValueHeads * headDim,
      head: headDim,
      queriesKeysValues: (heads + 2 * keyValueHeads) * headDim,
      gateUp: 2 * needed(model.intermediateSize, 'intermediate_size'),
    },
  };
}

/** Share of each head that rotates. */
export function rotaryShare({ rotaryShare: own }: Family, { config }: ModelFolder): number {
  const scaling = config['rope_parameters'];
  const nested = isJsonObject(scaling) ? scaling['partial_rotary_factor'] : null;
  return config.partial_rotary_factor ?? (typeof nested === 'number' ? nested : null) ?? own ?? 1;
}

/** Tokens that the file is made for: where llama.cpp ignores a sliding window, those that it leaves alone. */
function contextOf(family: Family, { config }: ModelFolder, model: ModelConfig): number {
  const context = model.contextLength ?? family.defaults.contextLength;
  const window = family.ignoresWindow ? slidingWindow(family, config) : null;
  return window ? Math.min(context, window) : context;
}

/** Where the field is missing (not null), transformers fills in the family's own. */
export const slidingWindow = ({ defaults }: Family, { sliding_window: told }: ConfigJson): number | null =>
  told === undefined ? defaults.slidingWindow : told;
