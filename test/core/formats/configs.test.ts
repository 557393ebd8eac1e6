import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { readGgufConfig } from '../../../src-main/core/formats/gguf-config.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import type { GgufValue } from '../../../src-main/core/formats/gguf-values.ts';
import { readHfConfig } from '../../../src-main/core/formats/hf-config.ts';
import type { JsonObject } from '../../../src-main/core/formats/json-object.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { StringList } from '../../../src-main/core/formats/string-list.ts';
import { architectures } from '../../support/paths.ts';

function malformedKey(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError && error.code === 'FILE_MALFORMED') return error.details['key'];
    throw error;
  }
  return 'no failure';
}

const llama = { model_type: 'llama', hidden_size: 64, num_hidden_layers: 4, num_attention_heads: 4, vocab_size: 512 };

function hf(fields: JsonObject) {
  return readHfConfig('config.json', fields);
}

describe('readHfConfig', () => {
  it('fills in what a plain config leaves out', () => {
    expect(hf(llama)).toEqual({
      modelType: 'llama',
      config: {
        architecture: 'llama',
        hiddenSize: 64,
        numHiddenLayers: 4,
        numAttentionHeads: 4,
        numKeyValueHeads: 4,
        headDim: 16,
        intermediateSize: null,
        vocabSize: 512,
        contextLength: null,
        ropeTheta: null,
        normEps: null,
        tiedEmbeddings: null,
      },
      experts: null,
    });
  });

  it('knows the names of other families', () => {
    const gpt2 = {
      model_type: 'gpt2',
      n_embd: 768,
      n_layer: 12,
      n_head: 12,
      n_positions: 1024,
      n_inner: null,
      vocab_size: 50257,
      layer_norm_epsilon: 1e-5,
    };
    expect(hf(gpt2).config).toMatchObject({
      hiddenSize: 768,
      numHiddenLayers: 12,
      headDim: 64,
      contextLength: 1024,
      intermediateSize: null,
      normEps: 1e-5,
    });
    const falcon = { ...llama, multi_query: true, new_decoder_architecture: false };
    expect(hf(falcon).config.numKeyValueHeads).toBe(1);
    expect(hf({ ...falcon, new_decoder_architecture: true, num_kv_heads: 2 }).config.numKeyValueHeads).toBe(2);
    expect(hf({ ...llama, rope_parameters: { rope_theta: 5e5 } }).config.ropeTheta).toBe(5e5);
    expect(hf({ ...llama, intermediate_size: [100, 300, 200] }).config.intermediateSize).toBe(300);
  });

  it('reads the language model of a multimodal one', () => {
    const { model_type: _, ...text } = llama;
    const { modelType, config } = hf({
      model_type: 'gemma3',
      vocab_size: 1,
      tie_word_embeddings: true,
      text_config: { ...text, model_type: 'gemma3_text' },
    });
    expect(modelType).toBe('gemma3');
    expect(config).toMatchObject({ architecture: 'gemma3', hiddenSize: 64, vocabSize: 512, tiedEmbeddings: true });
  });

  it('reads mixtures of experts', () => {
    expect(hf({ ...llama, num_local_experts: 8, num_experts_per_tok: 2 }).experts).toEqual({
      count: 8,
      used: 2,
      sharedCount: 0,
    });
    expect(hf({ ...llama, n_routed_experts: 256, num_experts_per_tok: 8, n_shared_experts: 1 }).experts).toEqual({
      count: 256,
      used: 8,
      sharedCount: 1,
    });
    expect(hf({ ...llama, num_experts: 60, shared_expert_intermediate_size: 5632 }).experts).toEqual({
      count: 60,
      used: null,
      sharedCount: 1,
    });
  });

  it.each([
    ['model_type', undefined],
    ['model_type', 7],
    ['vocab_size', undefined],
    ['vocab_size', 0],
    ['hidden_size', 64.5],
    ['hidden_size', '64'],
    ['hidden_size', 1e300],
    ['num_attention_heads', -4],
    ['num_key_value_heads', [2, -1]],
    ['rope_theta', 0],
    ['rms_norm_eps', 'tiny'],
    ['tie_word_embeddings', 'yes'],
  ])('refuses %s = %j', (key, value) => {
    expect(malformedKey(() => hf({ ...llama, [key]: value }))).toBe(key);
  });
});

function gguf(values: Record<string, GgufValue>) {
  const metadata = new GgufMetadata('m.gguf', Object.entries(values));
  const tensors = ['token_embd.weight', 'output.weight'].map((name) => ({
    name,
    type: 'F32',
    shape: [64, 100],
    shard: 0,
    offset: 0,
    bytes: 25600,
  }));
  return readGgufConfig(metadata, tensors);
}

function uint(value: number): GgufValue {
  return { type: 'uint32', value };
}

const architecture: Record<string, GgufValue> = { 'general.architecture': { type: 'string', value: 'x' } };

describe('readGgufConfig', () => {
  it('gives null for what a file does not say', () => {
    const { config, experts } = gguf(architecture);
    expect(config).toMatchObject({
      architecture: 'x',
      hiddenSize: null,
      numHiddenLayers: null,
      headDim: null,
      ropeTheta: null,
    });
    expect(config).toMatchObject({ vocabSize: 100, tiedEmbeddings: false });
    expect(experts).toBeNull();
  });

  it('takes the largest of values per layer, and zero as none', () => {
    const { config } = gguf({
      ...architecture,
      'x.embedding_length': uint(64),
      'x.attention.head_count': { type: 'array', itemType: 'uint32', value: Uint32Array.of(0, 8, 4) },
      'x.attention.head_count_kv': { type: 'array', itemType: 'int32', value: Int32Array.of(0, 2, 1) },
      'x.feed_forward_length': uint(0),
      'x.expert_feed_forward_length': { type: 'uint64', value: 32n },
      'tokenizer.ggml.tokens': { type: 'array', itemType: 'string', value: StringList.from(['a', 'b']) },
    });
    expect(config).toMatchObject({
      numAttentionHeads: 8,
      numKeyValueHeads: 2,
      headDim: 8,
      intermediateSize: 32,
      vocabSize: 2,
    });
  });

  it('gives float32 values as people wrote them', () => {
    const { config } = gguf({
      ...architecture,
      'x.attention.layer_norm_epsilon': { type: 'float32', value: Math.fround(1e-5) },
      'x.rope.freq_base': { type: 'float32', value: 5e5 },
    });
    expect(config).toMatchObject({ normEps: 1e-5, ropeTheta: 5e5 });
  });

  it.each<[string, GgufValue]>([
    ['x.embedding_length', { type: 'int32', value: -64 }],
    ['x.embedding_length', { type: 'string', value: '64' }],
    ['x.embedding_length', { type: 'float32', value: 64 }],
    ['x.block_count', { type: 'uint64', value: 2n ** 60n }],
    ['x.attention.head_count', { type: 'array', itemType: 'int32', value: Int32Array.of(4, -4) }],
    ['x.attention.head_count', { type: 'array', itemType: 'string', value: StringList.from(['4']) }],
    ['x.rope.freq_base', { type: 'float32', value: NaN }],
    ['x.rope.freq_base', { type: 'float32', value: 0 }],
  ])('refuses a wrong %s, case %#', (key, value) => {
    expect(malformedKey(() => gguf({ ...architecture, [key]: value }))).toBe(key);
  });

  it('needs the architecture', () => {
    expect(malformedKey(() => gguf({}))).toBe('general.architecture');
  });

  it.skipIf(architectures === null).each([
    ['deepseek2', { hiddenSize: 256, numKeyValueHeads: 1, headDim: 64 }, { count: 4, used: 2, sharedCount: 1 }],
    ['gpt-oss', { numAttentionHeads: 8, numKeyValueHeads: 2, headDim: 32 }, { count: 4, used: 2, sharedCount: 0 }],
    ['qwen35moe', { intermediateSize: 512, contextLength: 2048 }, { count: 4, used: 2, sharedCount: 1 }],
    ['qwen3moe', { vocabSize: 4096, normEps: 1e-6 }, { count: 4, used: 2, sharedCount: 0 }],
  ])('reads %s', async (name, config, experts) => {
    const file = path.join(architectures!, `${name}.gguf`);
    expect(existsSync(file)).toBe(true);
    const model = await openModel(file);
    expect(model).toMatchObject({ config: { architecture: name, ...config }, experts });
    await model.close();
  });
});
