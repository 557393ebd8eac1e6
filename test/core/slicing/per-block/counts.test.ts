// The closed parameter count against golden counts (ref.py and the released code) and against the sizes of published models
// as SliceGPT's code leaves them at 20%, from their configs alone.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  countFusedParameters,
  countShortcuts,
  countSlicedParameters,
  parameterShapeOf,
  parameterShapeOfConfig,
} from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import type { ParameterShape } from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import {
  constantWidth,
  constantWidths,
  slicingConfigOf,
} from '../../../../src-main/core/slicing/per-block/site-widths.ts';
import type { SlicingConfig } from '../../../../src-main/contract/results.ts';
import { goldenModels, readJson } from '../../../support/golden-models.ts';
import { decoderOf } from '../../../support/graph-runs.ts';
import { golden } from '../../../support/slicing.ts';

/** As published: facebook/opt-125m, microsoft/phi-2, HuggingFaceTB/SmolLM2-135M. */
const published = {
  opt125m: {
    ...{ model_type: 'opt', hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, ffn_dim: 3072 },
    ...{ vocab_size: 50_272, max_position_embeddings: 2048, word_embed_proj_dim: 768, do_layer_norm_before: true },
    activation_function: 'relu',
  },
  phi2: {
    ...{ model_type: 'phi', hidden_size: 2560, num_hidden_layers: 32, num_attention_heads: 32 },
    ...{ num_key_value_heads: 32, intermediate_size: 10_240, vocab_size: 51_200, max_position_embeddings: 2048 },
    ...{ hidden_act: 'gelu_new', layer_norm_eps: 1e-5, partial_rotary_factor: 0.4, qk_layernorm: false },
    tie_word_embeddings: false,
  },
  smollm135m: {
    ...{ model_type: 'llama', hidden_size: 576, num_hidden_layers: 30, num_attention_heads: 9 },
    ...{ num_key_value_heads: 3, intermediate_size: 1536, vocab_size: 49_152, max_position_embeddings: 8192 },
    ...{ hidden_act: 'silu', rms_norm_eps: 1e-5, attention_bias: false, tie_word_embeddings: true },
  },
};

const configShape = (name: string): ParameterShape =>
  parameterShapeOfConfig(readJson(path.join(golden(name), 'config.json')));

const constant = (shape: ParameterShape, width: number, sliceHead = false): SlicingConfig =>
  slicingConfigOf(shape, constantWidths(shape, width, sliceHead), sliceHead);

test('SmolLM2-135M at width 512 has what the released code counts', () => {
  const shape = parameterShapeOfConfig(published.smollm135m);
  expect(countSlicedParameters(shape, constant(shape, 512))).toBe(163_708_928);
});

test.each([
  { name: 'OPT-125m', config: published.opt125m, expected: 147_250_880 },
  { name: 'Phi-2', config: published.phi2, expected: 2_391_772_160 },
])('$name at 20% has $expected parameters', ({ config, expected }) => {
  const shape = parameterShapeOfConfig(config);
  const width = constantWidth(shape.hiddenSize, 0.2, 8);
  expect(countSlicedParameters(shape, constant(shape, width))).toBe(expected);
});

test.each([
  { blockLayout: 'sequential' as const, widths: [2, 3, 4, 5, 8], expected: 2 * 3 + 3 * 4 + 4 * 5 + 5 * 8 },
  { blockLayout: 'parallel' as const, widths: [2, 3, 8], expected: 2 * 3 + 3 * 8 },
])('shortcuts are n·o of every step', ({ blockLayout, widths, expected }) => {
  const layout = { hiddenSize: 8, numHiddenLayers: 2, blockLayout };
  expect(countShortcuts(layout, slicingConfigOf(layout, widths, false))).toBe(expected);
});

describe.skipIf(!goldenModels)('golden counts', () => {
  interface Counts {
    params_fused: number;
    params_sliced: number;
    params_sliced_head: number;
  }
  const expectCounts = (name: string, shape: ParameterShape): void => {
    const told = readJson<Counts>(path.join(golden(name), 'correct.json'));
    expect(countFusedParameters(shape)).toBe(told.params_fused);
    expect(countSlicedParameters(shape, constant(shape, 48))).toBe(told.params_sliced);
    expect(countSlicedParameters(shape, constant(shape, 48, true))).toBe(told.params_sliced_head);
  };

  const names = ['llama-gqa', 'llama-tied', 'qwen2', 'qwen3', 'mistral', 'opt', 'phi', 'phi3'];
  test.each(names)('of %s, open', async (name) => {
    expectCounts(name, parameterShapeOf(await decoderOf(golden(name))));
  });

  test.each(names)('of %s, from its config', (name) => expectCounts(name, configShape(name)));

  test.each(['opt', 'phi', 'phi3'])('the widths of %s are those that the released code saved', (name) => {
    const told = readJson<{ slicing_config: SlicingConfig }>(path.join(golden(name), 'official.json'));
    expect(constant(configShape(name), 48)).toEqual(told.slicing_config);
  });
});

test('a flag for biases counts them: of attention, of the MLP, of all', () => {
  const counted = (config: object): number => countFusedParameters(parameterShapeOfConfig({ ...config }));
  const { smollm135m: llama, opt125m: opt } = published;
  const [attention, mlp] = [30 * (2 * 576 + 2 * 192), 30 * (2 * 1536 + 576)];
  expect(counted({ ...llama, attention_bias: true }) - counted(llama)).toBe(attention);
  expect(counted({ ...llama, mlp_bias: true }) - counted(llama)).toBe(mlp);
  // Those that read have one of their norm's in any case.
  expect(counted(opt) - counted({ ...opt, enable_bias: false })).toBe(12 * 2 * 768);
});
