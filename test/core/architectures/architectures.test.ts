// Families: every tensor in one part, variants refused by name, rotary scaling, the registry.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { longestTextOf, openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import { architectureOf, architectures } from '../../../src-main/core/architectures/registry.ts';
import { ropeDivisors, ropeTables } from '../../../src-main/core/architectures/rope.ts';
import { llama3RopeFactors } from '../../../src-main/core/export/hf-to-gguf/rope.ts';
import { residualShape } from '../../../src-main/core/graph/embed-windows.ts';
import type { GgufValue } from '../../../src-main/core/formats/gguf-values.ts';
import { findOverlap } from '../../../src-main/core/formats/tensor.ts';
import type { ModelSource } from '../../../src-main/core/formats/model-source.ts';
import { goldenModels, readJson, tinyModel, tinyModels } from '../../support/golden-models.ts';
import { withMetadata } from '../../support/broken-models.ts';
import { modelOf } from '../../support/graph-runs.ts';
import { fixtures, sampleFolder, sampleModel } from '../../support/paths.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'snug-architectures-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder whose config.json says something else. */
async function folderWith(base: string, fields: Record<string, unknown>): Promise<ModelSource> {
  const own = mkdtempSync(path.join(folder, 'model-'));
  symlinkSync(path.join(base, 'model.safetensors'), path.join(own, 'model.safetensors'));
  const config = readJson<object>(path.join(base, 'config.json'));
  writeFileSync(path.join(own, 'config.json'), JSON.stringify({ ...config, ...fields }));
  return modelOf(own);
}

const sampleWith = (fields: Record<string, unknown>): Promise<ModelSource> => folderWith(sampleFolder, fields);

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function failure(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('tensors', () => {
  test.each([
    ...tinyModels.map(tinyModel),
    ...['llama-gqa-f32', 'llama-gqa-q8_0', 'llama3-rope-f32'].map((name) => path.join(fixtures, `gguf/${name}.gguf`)),
    sampleModel,
    sampleFolder,
  ])('of %s are each in one part', async (file) => {
    const model = await modelOf(file);
    const decoder = openDecoder(model);
    const { embeddings, positions, finalNorm, finalNormBias, lmHead, lmHeadBias, ropeDivisors: divisors } = decoder;
    const claimed = new Set([
      ...[embeddings, positions, finalNorm, finalNormBias, lmHead, lmHeadBias, divisors].filter(
        (entry) => entry !== null,
      ),
      ...decoder.layers.flatMap((layer) => [...layer.values()]),
    ]);
    // The first rows of a table of positions stand for none.
    const skipped = positions ? 2 * decoder.config.hiddenSize * 4 : 0;
    const bytes = [...claimed].reduce((sum, entry) => sum + entry.bytes, skipped);
    expect(bytes).toBe(model.tensors.reduce((sum, entry) => sum + entry.bytes, 0));
    expect(findOverlap([...claimed])).toBeNull();
    expect(decoder.config.tiedEmbeddings).toBe(decoder.lmHead === decoder.embeddings);
  });

  test('a tensor without a part is refused', async () => {
    const model = await modelOf(sampleModel);
    const entry = { ...model.tensors[0]!, name: 'blk.0.attn_sinks.weight' };
    const error = failure(() => openDecoder({ ...model, tensors: [...model.tensors, entry] }));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE' });
    expect(error.message).toContain('blk.0.attn_sinks.weight has no part');
  });

  test('a missing tensor and a wrong shape are named', async () => {
    const model = await modelOf(sampleModel);
    const name = 'blk.3.ffn_up.weight';
    const without = failure(() =>
      openDecoder({ ...model, tensors: model.tensors.filter((entry) => entry.name !== name) }),
    );
    expect(without).toMatchObject({ code: 'FILE_MALFORMED', details: { tensor: name, actual: 'no such tensor' } });
    const turned = model.tensors.map((entry) =>
      entry.name === name ? { ...entry, shape: entry.shape.toReversed() } : entry,
    );
    expect(failure(() => openDecoder({ ...model, tensors: turned }))).toMatchObject({
      code: 'FILE_MALFORMED',
      details: { tensor: name, expected: '256 x 768', actual: '768 x 256' },
    });
  });

  test('q, k and v in one tensor, or without the biases of their family, are a form without a graph', async () => {
    const model = await modelOf(sampleModel);
    const rest = model.tensors.filter(({ name }) => name !== 'blk.0.attn_q.weight');
    const joined = { ...model, tensors: [...rest, { ...model.tensors[0]!, name: 'blk.0.attn_qkv.weight' }] };
    const bare = { ...model, config: { ...model.config, architecture: 'qwen2' } };
    for (const [form, name] of [
      [joined, 'attn_q.weight'],
      [bare, 'attn_q.bias'],
    ] as const) {
      const error = failure(() => openDecoder(form));
      expect(error).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE' });
      expect(error.message).toContain(`it has no blk.0.${name}`);
    }
  });

  test('tables of old checkpoints and a saved copy of a tied head are no weights', async () => {
    const model = await sampleWith({ tie_word_embeddings: true });
    const table = { ...model.tensors[0]!, name: 'model.layers.0.self_attn.rotary_emb.inv_freq' };
    const decoder = openDecoder({ ...model, tensors: [...model.tensors, table] });
    expect(decoder.lmHead).toBe(decoder.embeddings);
  });
});

describe('refusals', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['YaRN', { rope_scaling: { rope_type: 'yarn', factor: 4 } }, /YaRN scaling/],
    ['LongRoPE', { rope_scaling: { type: 'longrope' } }, /LongRoPE scaling/],
    ['dynamic scaling', { rope_scaling: { type: 'dynamic', factor: 2 } }, /dynamic NTK scaling/],
    ['linear scaling', { rope_scaling: { type: 'linear', factor: 2 } }, /linear scaling/],
    ['transformers 5 form', { rope_parameters: { rope_type: 'yarn', rope_theta: 1e4 } }, /YaRN/],
    ['an unknown scaling', { rope_scaling: { rope_type: 'mrope' } }, /mrope/],
    ['a sliding window', { model_type: 'llama', sliding_window: 128 }, /active sliding window/],
    [
      'sliding layers',
      { model_type: 'qwen3', sliding_window: 64, layer_types: ['sliding_attention'] },
      /active sliding window/,
    ],
    [
      'Qwen2 that switched it on',
      { model_type: 'qwen2', use_sliding_window: true, sliding_window: 64, max_window_layers: 2 },
      /sliding window/,
    ],
    ['another activation', { hidden_act: 'gelu' }, /uses gelu, not SiLU/],
    ['partial rotation', { partial_rotary_factor: 0.5 }, /turn 16 of 32/],
    ['experts', { num_local_experts: 8 }, /mixture of 8 experts/],
  ])('%s', async (_, fields, message) => {
    const model = await sampleWith(fields);
    const error = failure(() => openDecoder(model));
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
    expect(error.message).toMatch(message);
  });

  test.each<[Record<string, unknown>]>([
    [{ rope_scaling: { rope_type: 'default' } }],
    [{ sliding_window: 4096 }],
    [{ use_sliding_window: false, sliding_window: 64 }],
    [{ use_sliding_window: true, sliding_window: 64, max_window_layers: 6 }],
    [{ sliding_window: 64, layer_types: ['full_attention'] }],
  ])('not of %j, which changes nothing', async (fields) => {
    expect(openDecoder(await sampleWith(fields)).config.ropeScaling).toBeNull();
  });

  const float = (value: number): GgufValue => ({ type: 'float32', value });
  const uint = (value: number): GgufValue => ({ type: 'uint32', value });
  const word = (value: string): GgufValue => ({ type: 'string', value });
  test.each<[string, Record<string, GgufValue>, RegExp]>([
    ['YaRN', { 'rope.scaling.type': word('yarn'), 'rope.scaling.factor': float(4) }, /YaRN scaling/],
    ['linear scaling', { 'rope.scaling.factor': float(4) }, /linear scaling/],
    ['old linear scaling', { 'rope.scale_linear': float(2) }, /linear scaling/],
    ['a sliding window', { 'attention.sliding_window': uint(32) }, /sliding window/],
    ['partial rotation', { 'rope.dimension_count': uint(8) }, /turn 8 of 16/],
    ['values of another size', { 'attention.value_length': uint(8) }, /values have 8/],
    ['a factor on logits', { logit_scale: float(0.125) }, /logit_scale/],
    [
      'uneven layers',
      { feed_forward_length: { type: 'array', itemType: 'uint32', value: Uint32Array.of(160, 160, 96, 160) } },
      /differ in feed_forward_length/,
    ],
  ])('%s of a GGUF file', async (_, keys, message) => {
    const model = await modelOf(path.join(fixtures, 'gguf/llama-gqa-f32.gguf'));
    for (const [key, value] of Object.entries(keys)) model.gguf!.metadata.set(`llama.${key}`, value);
    expect(failure(() => openDecoder(model)).message).toMatch(message);
  });
});

describe.skipIf(!goldenModels)('other layouts', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['opt', { do_layer_norm_before: false }, /its norms follow the additions \(do_layer_norm_before is false\)/],
    ['opt', { word_embed_proj_dim: 32 }, /embeddings have 32 columns and its residual 64/],
    ['opt', { _remove_final_layer_norm: true }, /no last norm/],
    ['opt', { layer_norm_elementwise_affine: false }, /norms have no weights/],
    ['opt', { activation_function: 'tanh' }, /uses tanh, not ReLU or GELU/],
    ['phi', { qk_layernorm: true }, /norms query and key heads/],
    ['phi', { hidden_act: 'quick_gelu' }, /uses quick_gelu, not GELU's approximation by tanh or/],
    ['phi3', { rope_scaling: { type: 'longrope' } }, /LongRoPE scaling/],
    ['phi3', { rope_scaling: { type: 'yarn' } }, /YaRN scaling/],
  ])('%s with %j is refused', async (name, fields, message) => {
    const model = await folderWith(tinyModel(name), fields);
    const error = failure(() => openDecoder(model));
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`is a model of the family ${name} in a form`);
  });

  test('say of themselves what a config.json leaves out', async () => {
    const opt = await folderWith(tinyModel('opt'), { activation_function: null });
    expect(openDecoder(opt).config).toMatchObject({
      activation: 'relu',
      normEps: 1e-5,
      rotaryDim: 0,
      longestWindow: 128,
    });
    const phi = await folderWith(tinyModel('phi'), { partial_rotary_factor: null, hidden_act: null });
    expect(openDecoder(phi).config).toMatchObject({ activation: 'geluTanh', rotaryDim: 8, longestWindow: null });
    const moved = { partial_rotary_factor: null, rope_parameters: { partial_rotary_factor: 0.25 } };
    expect(openDecoder(await folderWith(tinyModel('phi'), moved)).config.rotaryDim).toBe(4);
    const uneven = await folderWith(tinyModel('phi'), { partial_rotary_factor: 0.45 });
    expect(failure(() => openDecoder(uneven))).toMatchObject({ code: 'FILE_MALFORMED', details: { actual: '7' } });
  });

  test.each(['phi3', 'mistral'])('of %s a sliding window bounds the windows of tokens', async (name) => {
    const without = await folderWith(tinyModel(name), { sliding_window: null });
    expect(openDecoder(without).config.longestWindow).toBeNull();
    expect(longestTextOf(without)).toBe(128);
    const decoder = openDecoder(await folderWith(tinyModel(name), { sliding_window: 32 }));
    expect(decoder.config.longestWindow).toBe(32);
    expect(longestTextOf(decoder.model)).toBe(32);
    expect(() => residualShape(decoder, [new Int32Array(33)])).toThrow(/windows of up to 32 tokens, not of 33/);
    expect(residualShape(decoder, [new Int32Array(32)])).toMatchObject({ windowLength: 32 });
  });

  test.each([
    ['mistral', 4096],
    ['phi3', null],
    ['llama', null],
  ])('a %s whose config.json names no window has %s', async (modelType, window) => {
    const base = tinyModel(modelType === 'phi3' ? 'phi3' : 'mistral');
    const fields = { model_type: modelType, sliding_window: undefined, max_position_embeddings: 32_768 };
    const model = await folderWith(base, fields);
    expect(openDecoder(model).config.longestWindow).toBe(window);
    expect(longestTextOf(model)).toBe(window ?? 32_768);
  });

  test('what has norms behind its output projections is refused, whatever it calls itself', async () => {
    const message =
      /norms behind its output projections, .*\(model\.layers\.0\.post_feedforward_layernorm\.weight\).* cannot be sliced/;
    for (const modelType of ['gemma3_text', 'llama', 'olmo2']) {
      const model = await folderWith(tinyModel('gemma3_text'), { model_type: modelType });
      const error = failure(() => openDecoder(model));
      expect(error).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE', details: { architecture: modelType } });
      expect(error.message).toMatch(message);
    }
    const gguf = await modelOf(sampleModel);
    const entry = { ...gguf.tensors[0]!, name: 'blk.0.post_ffw_norm.weight' };
    const sandwich = { ...gguf, tensors: [...gguf.tensors, entry] };
    expect(failure(() => openDecoder(sandwich)).message).toMatch(/\(blk\.0\.post_ffw_norm\.weight\)/);
  });

  test.each(['gemma2', 'gemma3', 'olmo2', 'glm4'])(
    'and so is a %s file whose tensors are called like those of llama',
    async (architecture) => {
      const file = path.join(folder, `${architecture}.gguf`);
      await withMetadata(sampleModel, file, (metadata) => {
        for (const [key, value] of [...metadata]) {
          if (key.startsWith('llama.')) metadata.set(key.replace('llama', architecture), value);
        }
        metadata.set('general.architecture', { type: 'string', value: architecture });
      });
      const model = await modelOf(file);
      const error = failure(() => openDecoder(model));
      expect(error).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE', details: { architecture } });
      expect(error.message).toContain(`(as all ${architecture} models have): their weights act on single channels`);
    },
  );
});

describe('registry', () => {
  const model = (kind: ModelSource['kind'], architecture: string) => ({
    path: 'x',
    kind,
    config: { architecture } as ModelSource['config'],
  });

  test('finds every family by its own names', () => {
    for (const family of Object.values(architectures)) {
      for (const name of family.modelTypes) expect(architectureOf(model('safetensors', name))).toBe(family);
      for (const name of family.ggufArchitectures) expect(architectureOf(model('gguf', name))).toBe(family);
      expect(Object.keys(architectures)).toContain(family.name);
    }
  });

  test.each([
    ['mixtral', 'mistral'],
    ['qwen2_moe', 'qwen2'],
    ['qwen3moe', 'qwen3'],
    ['llama4', 'llama'],
    ['gpt2', null],
  ])('%s is not there; the nearest is %s', (name, nearest) => {
    const error = failure(() => architectureOf(model('safetensors', name)));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE', details: { architecture: name, nearest } });
    expect(error.message).toContain('llama, mistral, qwen2, qwen3');
  });
});

describe('rotary embeddings', () => {
  test('divisors are those that a GGUF file holds', async () => {
    const model = await modelOf(path.join(fixtures, 'gguf/llama3-rope-f32.gguf'));
    const { ropeDivisors: entry, config } = openDecoder(model);
    const stored = new Float32Array(new Uint8Array(await model.read(entry!)).buffer);
    const scaling = { factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalContext: 32 };
    const found = ropeDivisors(scaling, config.ropeTheta, config.headDim);
    stored.forEach((value, index) => expect(found[index]! / value).toBeCloseTo(1, 6));
  });

  test.each<[string, Record<string, unknown>, number]>([
    ['in the scaling', { rope_scaling: { original_max_position_embeddings: 32 } }, 32],
    [
      'beside it, which wins',
      { rope_scaling: { original_max_position_embeddings: 32 }, original_max_position_embeddings: 64 },
      64,
    ],
    ['nowhere: the context of the model', { rope_scaling: {}, max_position_embeddings: 96 }, 96],
    [
      'in the form of transformers 5',
      { rope_scaling: null, rope_parameters: { original_max_position_embeddings: 128 } },
      128,
    ],
  ])('the original context is %s', async (_, fields, originalContext) => {
    const llama3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    const model = await sampleWith(
      Object.fromEntries(
        Object.entries(fields).map(([key, value]) => [key, isObject(value) ? { ...llama3, ...value } : value]),
      ),
    );
    const expected = { factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalContext };
    expect(openDecoder(model).config.ropeScaling).toEqual(expected);
  });

  test('exact divisors and those in the steps of torch are the same to float32', () => {
    const scaling = { factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalContext: 8192 };
    const base = { ropeTheta: 5e5, headDim: 128 };
    const exact = ropeDivisors(scaling, base.ropeTheta, base.headDim);
    const stepped = llama3RopeFactors(scaling, base);
    expect(stepped.some((value, index) => value !== Math.fround(exact[index]!))).toBe(true);
    stepped.forEach((value, index) => expect(Math.abs(value / exact[index]! - 1)).toBeLessThan(1e-6));
  });

  test('a scaling without its numbers is malformed', async () => {
    const model = await sampleWith({ rope_scaling: { rope_type: 'llama3', factor: 8 } });
    expect(failure(() => openDecoder(model))).toMatchObject({
      code: 'FILE_MALFORMED',
      details: { key: 'rope_scaling.low_freq_factor' },
    });
  });

  test('tables are exact far out', () => {
    const { cos, sin } = ropeTables({ ropeTheta: 10_000, rotaryDim: 4 }, 5000, [1, 2]);
    expect(cos[4999 * 2]).toBe(Math.fround(Math.cos(4999)));
    expect(sin[4999 * 2 + 1]).toBe(Math.fround(Math.sin(4999 / 200)));
  });
});
