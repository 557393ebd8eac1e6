// The bundled sample as a folder becomes the bundled sample as a GGUF file, and keys of optional files are written.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../../src-main/contract/progress.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { tokenize } from '../../../src-main/llama-host/duties/tokenize.ts';
import { awkwardStrings } from '../../fixtures/awkward-strings.ts';
import { sampleFolder, sampleModel } from '../../support/paths.ts';
import { sha256 } from '../formats/temporary-folder.ts';
import { convert, converted, differingTensors, folderLike, hasAddon, plainMetadata } from './folders.ts';

/** The sample's GGUF was written by its training script, not by llama.cpp's converter. */
const differingKeys: Record<string, string> = {
  'general.name': 'the converter makes it from the name of the folder',
  'general.license': 'the script knew it; the folder has no model card that says so',
  'general.type': 'only the converter writes it',
  'general.size_label': 'only the converter writes it',
  'general.quantization_version': 'only the converter writes it',
};

describe('the sample', async () => {
  const reference = await openModel(sampleModel);
  afterAll(() => reference.close());

  it('gives every tensor and every key of its GGUF file', async () => {
    const model = await converted(sampleFolder);
    expect(await differingTensors(model, reference)).toEqual([]);
    const [own, expected] = [plainMetadata(model), plainMetadata(reference)];
    for (const key of Object.keys(differingKeys)) {
      expect(own[key]).not.toEqual(expected[key]);
      delete own[key];
      delete expected[key];
    }
    expect(own).toEqual(expected);
  });

  it('tells size, checksum and progress', async () => {
    const told: Progress[] = [];
    const { output, fileBytes, ...result } = await convert(sampleFolder, { progress: (step) => told.push(step) });
    const bytes = readFileSync(output);
    expect(result).toEqual({ sha256: sha256(bytes), hasTokenizer: true });
    expect(fileBytes).toBe(bytes.length);
    expect(told.at(-1)).toMatchObject({ stage: 'convert', unit: 'bytes', done: told.at(-1)!.total });
    expect((await convert(sampleFolder)).sha256).toBe(result.sha256);
  });

  it.each([
    ['F32', 0],
    ['BF16', 32],
  ] as const)('is written as %s when asked', async (type, fileType) => {
    const model = await converted(sampleFolder, { type });
    expect(model.gguf!.metadata.integer('general.file_type')).toBe(fileType);
    for (const { name, type: written, shape } of model.tensors) {
      expect([name, written]).toEqual([name, shape.length > 1 ? type : 'F32']);
    }
    // Back to where they came from: float16 -> float32 loses nothing.
    if (type !== 'F32') return;
    const norm = (from: typeof model): (typeof model.tensors)[number] =>
      from.tensors.find(({ name }) => name === 'output_norm.weight')!;
    expect(await model.read(norm(model))).toEqual(await reference.read(norm(reference)));
  });
});

describe.skipIf(!hasAddon)('ids of llama.cpp on the converted file', () => {
  it.each([false, true])('equal those of the folder, with addSpecial %s', async (addSpecial) => {
    const { output } = await convert(sampleFolder);
    const { encode } = await openFolderTokenizer(sampleFolder);
    const strings = Object.values(awkwardStrings)
      .flat()
      .map((text) => text.toWellFormed());
    expect(strings.length).toBeGreaterThan(200);
    const texts = strings.map((text) => new TextEncoder().encode(text));
    const context = { signal: new AbortController().signal, progress: (): void => {} };
    const { ids } = await tokenize({ model: output, texts, addSpecial, parseSpecial: true }, context);
    expect(strings.filter((text, index) => String(encode(text, addSpecial)) !== String(ids[index]))).toEqual([]);
  });
});

describe('files beside the weights', () => {
  const card = [
    '---',
    'license: apache-2.0',
    "license_link: 'https://example.org/a'",
    'language:',
    '- en',
    '- "no"',
    'tags: [small, "toy"]',
    'pipeline_tag: text-generation # what it is for',
    'base_model: Acme/Tiny-8M-v2',
    'datasets:',
    '- acme/texts',
    '- https://huggingface.co/datasets',
    'model-index:',
    '- name: x',
    '  results:',
    '  - task: y',
    '---',
    '# A model',
  ];

  it('model card and generation settings', async () => {
    const folder = folderLike(
      sampleFolder,
      {
        'README.md': card.join('\n'),
        'generation_config.json': { temperature: 0.7, top_k: 20, repetition_penalty: 1.1, do_sample: true },
      },
      'Acme-Sample-7M-Chat-v0.2',
    );
    const keys = plainMetadata(await converted(folder));
    expect(keys).toMatchObject({
      'general.name': { value: 'Acme Sample 7M Chat v0.2' },
      'general.basename': { value: 'Acme-Sample' },
      'general.finetune': { value: 'Chat' },
      'general.version': { value: 'v0.2' },
      'general.size_label': { value: '7M' },
      'general.license': { value: 'apache-2.0' },
      'general.license.link': { value: 'https://example.org/a' },
      'general.languages': { items: 'string', value: ['en', 'no'] },
      'general.tags': { items: 'string', value: ['small', 'toy', 'text-generation'] },
      'general.base_model.count': { type: 'uint32', value: 1 },
      'general.base_model.0.name': { value: 'Tiny 8M v2' },
      'general.base_model.0.version': { value: 'v2' },
      'general.base_model.0.organization': { value: 'Acme' },
      'general.base_model.0.repo_url': { value: 'https://huggingface.co/Acme/Tiny-8M-v2' },
      'general.dataset.count': { value: 2 },
      'general.dataset.1.repo_url': { value: 'https://huggingface.co/datasets' },
      'general.sampling.top_k': { type: 'int32', value: 20 },
      'general.sampling.temp': { type: 'float32', value: Math.fround(0.7) },
      'general.sampling.penalty_repeat': { value: Math.fround(1.1) },
    });
  });

  it('special tokens, switches and a template', async () => {
    const folder = folderLike(sampleFolder, {
      'tokenizer_config.json': {
        add_bos_token: false,
        add_eos_token: true,
        add_prefix_space: false,
        pad_token: { content: '<|im_end|>' },
        unk_token: 'not a token',
        chat_template: '{{ messages }}',
      },
      'config.json': { pad_token_id: 0, unk_token_id: -1, eos_token_id: [1, 2] },
    });
    const keys = plainMetadata(await converted(folder));
    expect(keys).toMatchObject({
      'tokenizer.ggml.padding_token_id': { type: 'uint32', value: 2 },
      'tokenizer.ggml.eos_token_id': { value: 0 },
      'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
      'tokenizer.ggml.add_eos_token': { value: true },
      'tokenizer.ggml.add_space_prefix': { value: false },
      'tokenizer.chat_template': { value: '{{ messages }}' },
    });
    expect(keys).not.toHaveProperty(['tokenizer.ggml.unknown_token_id']);
  });

  it('templates in files of their own, several by name', async () => {
    const single = folderLike(sampleFolder, { 'chat_template.jinja': 'one' });
    expect(plainMetadata(await converted(single))['tokenizer.chat_template']).toMatchObject({ value: 'one' });
    const several = folderLike(sampleFolder, {
      'tokenizer_config.json': {
        chat_template: [
          { name: 'default', template: 'd' },
          { name: 'tool-use', template: 't' },
        ],
      },
    });
    expect(plainMetadata(await converted(several))).toMatchObject({
      'tokenizer.chat_template': { value: 'd' },
      'tokenizer.chat_template.tool_use': { value: 't' },
      'tokenizer.chat_templates': { items: 'string', value: ['tool_use'] },
    });
    const json = folderLike(sampleFolder, { 'chat_template.json': { chat_template: 'j' } });
    expect(plainMetadata(await converted(json))['tokenizer.chat_template']).toMatchObject({ value: 'j' });
  });

  it('a post-processor that ends texts with another token than EOS', async () => {
    const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
    const single = [special('<|im_start|>'), { Sequence: { id: 'A', type_id: 0 } }, special('<|im_end|>')];
    const folder = folderLike(sampleFolder, {
      'tokenizer.json': { post_processor: { type: 'TemplateProcessing', single, pair: [], special_tokens: {} } },
      'tokenizer_config.json': JSON.stringify({ eos_token: '<|endoftext|>' }),
    });
    // The ids of tokenizer.json are trusted: no settings say otherwise.
    expect(plainMetadata(await converted(folder))).toMatchObject({
      'tokenizer.ggml.bos_token_id': { value: 1 },
      'tokenizer.ggml.eos_token_id': { value: 2 },
      'tokenizer.ggml.eot_token_id': { value: 0 },
      'tokenizer.ggml.add_bos_token': { value: true },
      'tokenizer.ggml.add_eos_token': { value: true },
    });
  });

  it('a linear rope scaling and rope_parameters', async () => {
    const linear = folderLike(sampleFolder, { 'config.json': { rope_scaling: { type: 'linear', factor: 4 } } });
    expect(plainMetadata(await converted(linear))).toMatchObject({
      'llama.rope.scaling.type': { value: 'linear' },
      'llama.rope.scaling.factor': { type: 'float32', value: 4 },
    });
    const newer = folderLike(sampleFolder, {
      'config.json': { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 5e5 } },
    });
    const keys = plainMetadata(await converted(newer));
    expect(keys['llama.rope.freq_base']).toEqual({ type: 'float32', value: 5e5 });
    expect(keys).not.toHaveProperty(['llama.rope.scaling.type']);
  });

  it('weights named by a file in the folder', async () => {
    const model = await converted(path.join(sampleFolder, 'model.safetensors'));
    expect(model.gguf!.metadata.string('tokenizer.ggml.pre')).toBe('smollm');
  });
});
