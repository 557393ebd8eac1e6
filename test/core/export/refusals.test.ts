// What is refused, by which error, and that nothing is left behind.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { sampleFolder, sampleModel } from '../../support/paths.ts';
import { failureOf } from '../formats/temporary-folder.ts';
import { convert, converted, folderLike, newPath, type Changes } from './folders.ts';

const weights = readFileSync(path.join(sampleFolder, 'model.safetensors'));

/** The failure of converting the sample with some files changed; checks that no file is left. */
async function failure(changes: Changes, options: { signal?: AbortSignal; type?: 'F16' } = {}) {
  const output = newPath('out.gguf');
  const error = await failureOf(convert(folderLike(sampleFolder, changes), { output, ...options }));
  expect(readdirSync(path.dirname(output))).toEqual([]);
  return error;
}

/** The sample's weights with other bits in one place. */
async function weightsWith(tensor: string, byte: number, value: number): Promise<Uint8Array> {
  const source = await openModel(sampleFolder);
  const entry = source.tensors.find(({ name }) => name === tensor)!;
  await source.close();
  const copy = Uint8Array.from(weights);
  new DataView(copy.buffer).setUint16(entry.offset + byte, value, true);
  return copy;
}

const config = (change: object): Changes => ({ 'config.json': change });

describe('models that are not built', () => {
  it.each<[string, Changes, RegExp]>([
    ['another type', config({ model_type: 'mixtral' }), /type mixtral, .* converts llama, mistral, qwen2, qwen3/],
    ['another head', config({ architectures: ['LlamaForSequenceClassification'] }), /LlamaForSequenceClassification/],
    ['YaRN', config({ rope_scaling: { rope_type: 'yarn', factor: 4 } }), /"yarn"/],
    ['longrope', config({ rope_scaling: { type: 'longrope' } }), /"longrope"/],
    ['dynamic scaling', config({ rope_parameters: { rope_type: 'dynamic', factor: 2 } }), /"dynamic"/],
    ['partial rope', config({ partial_rotary_factor: 0.5 }), /partial_rotary_factor/],
    ['a sliding window', config({ sliding_window: 256 }), /sliding window of 256 tokens/],
    ['layers with windows', config({ layer_types: ['full_attention', 'sliding_attention'] }), /layer_types/],
    ['another activation', config({ hidden_act: 'gelu' }), /gelu/],
    ['quantised weights', config({ quantization_config: { quant_method: 'gptq' } }), /quantised already \(gptq\)/],
    ['embedding models', { 'modules.json': '[]' }, /modules\.json/],
    ['tekken only', { 'tekken.json': '{}', 'tokenizer.json': null }, /tekken\.json/],
    [
      'llama3 scaling in qwen2',
      config({ model_type: 'qwen2', architectures: null, rope_scaling: { type: 'llama3' } }),
      /"llama3"/,
    ],
  ])('%s', async (_, changes, message) => {
    const error = await failure(changes);
    expect([error.code, error.message]).toEqual(['UNSUPPORTED_ARCHITECTURE', expect.stringMatching(message)]);
  });

  it('a window that is switched off, too high up or longer than the context is none', async () => {
    for (const change of [{ sliding_window: 512 }, { sliding_window: null }, { layer_types: ['full_attention'] }]) {
      expect((await convert(folderLike(sampleFolder, config(change)))).hasTokenizer).toBe(true);
    }
    const qwen = { model_type: 'qwen2', architectures: ['Qwen2ForCausalLM'], sliding_window: 64 };
    for (const change of [{}, { use_sliding_window: true, max_window_layers: 6 }]) {
      expect((await convert(folderLike(sampleFolder, config({ ...qwen, ...change })))).hasTokenizer).toBe(true);
    }
    const active = await failure(config({ ...qwen, use_sliding_window: true, max_window_layers: 5 }));
    expect(active.code).toBe('UNSUPPORTED_ARCHITECTURE');
  });

  it('a name of its own among the architectures is none, as model_type tells the family', async () => {
    const own = folderLike(sampleFolder, config({ architectures: ['MyFineTune'] }));
    expect((await convert(own)).sha256).toBe((await convert(folderLike(sampleFolder, {}))).sha256);
    const other = await failure(config({ architectures: ['MyFineTune', 'MixtralForCausalLM'] }));
    expect(other.message).toMatch(/the architecture is MixtralForCausalLM, not LlamaForCausalLM/);
  });

  it('a GGUF file is told so', async () => {
    expect((await failureOf(convert(sampleModel))).code).toBe('USAGE');
  });
});

describe('sizes and tensors', () => {
  it.each<[string, object, string, RegExp]>([
    ['a layer too many', { num_hidden_layers: 5 }, 'UNSUPPORTED_ARCHITECTURE', /model\.layers\.5\./],
    [
      'a layer too few',
      { num_hidden_layers: 7 },
      'FILE_MALFORMED',
      /layers\.6\.input_layernorm\.weight.*no such tensor/,
    ],
    [
      'another shape',
      { intermediate_size: 512 },
      'FILE_MALFORMED',
      /gate_proj.*256 x 512.*256 x 768|down_proj.*512 x 256/,
    ],
    ['no feed-forward size', { intermediate_size: null }, 'FILE_MALFORMED', /intermediate_size/],
    [
      'a Llama 3 scaling without its numbers',
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 1 } },
      'FILE_MALFORMED',
      /rope_scaling\.high_freq_factor.*no such field/,
    ],
    ['a linear scaling by nothing', { rope_scaling: { type: 'linear' } }, 'FILE_MALFORMED', /rope_scaling\.factor/],
    ['heads that cannot share', { num_key_value_heads: 3 }, 'FILE_MALFORMED', /attention heads/],
    [
      'head norms of another family',
      { model_type: 'qwen3', architectures: null },
      'FILE_MALFORMED',
      /q_norm.*no such tensor/,
    ],
  ])('%s', async (_, change, code, message) => {
    const error = await failure(config(change));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
  });

  it('NaN and infinity are named with tensor, place and value', async () => {
    const name = 'model.layers.3.self_attn.q_proj.weight';
    const nan = await failure({ 'model.safetensors': await weightsWith(name, 2 * (256 * 40 + 7), 0x7e00) });
    expect(nan).toMatchObject({ code: 'NON_FINITE', details: { tensor: name, position: [7, 40], value: 'NaN' } });
    const infinite = await failure({ 'model.safetensors': await weightsWith('lm_head.weight', 2 * 3, 0xfc00) });
    expect(infinite.details).toMatchObject({ tensor: 'lm_head.weight', value: '-Infinity', position: [3, 0] });
  });

  it('a head that the model is told to tie is left out', async () => {
    const model = await converted(folderLike(sampleFolder, config({ tie_word_embeddings: true })));
    expect(model.tensors.map(({ name }) => name)).not.toContain('output.weight');
    expect(model.config.tiedEmbeddings).toBe(true);
  });
});

describe('tokenizers', () => {
  const none: Changes = { 'tokenizer.json': null, 'tokenizer_config.json': null };

  it('none at all: the file runs ids', async () => {
    const folder = folderLike(sampleFolder, none);
    const model = await converted(folder);
    expect((await convert(folder)).hasTokenizer).toBe(false);
    expect(model.gguf!.metadata.string('tokenizer.ggml.model')).toBe('none');
    expect(model.gguf!.metadata.integer('llama.vocab_size')).toBe(4096);
  });

  it('half of one is FILE_NOT_FOUND', async () => {
    const error = await failure({ 'tokenizer.json': null });
    expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', details: { found: 'tokenizer_config.json' } });
  });

  it('an unknown pre-tokenizer is named by its hash', async () => {
    const { model } = JSON.parse(readFileSync(path.join(sampleFolder, 'tokenizer.json'), 'utf8')) as {
      model: { merges: unknown[] };
    };
    const error = await failure({ 'tokenizer.json': { model: { ...model, merges: model.merges.slice(0, 1000) } } });
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_ARCHITECTURE',
      details: { hash: expect.stringMatching(/^[\da-f]{64}$/) },
    });
    expect(error.message).toContain(String(error.details['hash']));
  });

  it('tokens beyond the vocabulary and models other than BPE', async () => {
    const beyond = await failure({ 'tokenizer.json': { added_tokens: [{ id: 4096, content: '<x>', special: true }] } });
    expect([beyond.code, beyond.message]).toEqual(['FILE_MALFORMED', expect.stringMatching(/"<x>".*below 4096.*4096/)]);
    const unigram = await failure({ 'tokenizer.json': { model: { type: 'Unigram', vocab: [['a', 0]] } } });
    expect([unigram.code, unigram.message]).toEqual(['UNSUPPORTED_ARCHITECTURE', expect.stringMatching(/Unigram/)]);
  });
});

describe('cancel and outputs', () => {
  it('a cancel before and in the middle leaves nothing', async () => {
    expect((await failure({}, { signal: AbortSignal.abort() })).code).toBe('CANCELLED');
    const controller = new AbortController();
    const output = newPath('out.gguf');
    const running = convert(sampleFolder, { output, signal: controller.signal, progress: () => controller.abort() });
    expect((await failureOf(running)).code).toBe('CANCELLED');
    expect(readdirSync(path.dirname(output))).toEqual([]);
  });

  it('an output that exists stays', async () => {
    const { output } = await convert(sampleFolder);
    expect((await failureOf(convert(sampleFolder, { output }))).code).toBe('OUTPUT_EXISTS');
    expect(existsSync(output)).toBe(true);
  });
});
