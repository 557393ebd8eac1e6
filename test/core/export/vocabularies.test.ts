// Vocabularies of other kinds than the sample's: SentencePiece, its merges as tokenizer.json, and a real byte-level one.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { detectPreTokenizer, hashOfIds } from '../../../src-main/core/export/hf-to-gguf/pre-tokenizer.ts';
import { checkText, preTokenizerHashes } from '../../../src-main/core/export/hf-to-gguf/pre-tokenizer-hashes.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { sentencePieceTokenizer } from '../../../src-main/core/tokens/sentencepiece.ts';
import { tokenize } from '../../../src-main/llama-host/duties/tokenize.ts';
import { ggufPackageBundle, realModel, sampleFolder } from '../../support/paths.ts';
import { failureOf } from '../formats/temporary-folder.ts';
import { checkOutBundle } from '../../llama-host/bundle.ts';
import { protobuf, type Field } from '../tokens/protobuf.ts';
import { convert, converted, folderLike, hasAddon, newPath, plainMetadata, type Changes } from './folders.ts';

/** LLaMA's layout: specials, bytes, merged pieces by rank, single characters. */
const merged = [
  '▁t',
  'he',
  '▁the',
  'in',
  're',
  'at',
  '▁a',
  'er',
  'on',
  '▁w',
  'and',
  '▁wat',
  '▁water',
  'nd',
  'er▁',
  '▁▁',
  '12',
];
const letters = Array.from('▁abcdefghijklmnopqrstuvwxyz12.,é');
const pieces: [text: string, type: number][] = [
  ['<unk>', 2],
  ['<s>', 3],
  ['</s>', 3],
  ...Array.from({ length: 256 }, (_, byte): [string, number] => [
    `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    6,
  ]),
  ...[...merged, ...letters].map((text): [string, number] => [text, 1]),
];

function sentencePiece(kind = 2, normalizer: Field[] = []): Uint8Array {
  return protobuf(
    ...pieces.map(([text, type], id): Field => [
      1,
      protobuf([1, text], [2, { float: 259 - id }], [3, { integer: type }]),
    ]),
    [2, protobuf([3, { integer: kind }], [35, { integer: 1 }])],
    [3, protobuf([1, 'identity'], [4, { integer: 0 }], ...normalizer)],
  );
}

const ids = { bos_token_id: 1, eos_token_id: 2, unk_token_id: 0 };
const plain: Changes = { 'tokenizer.json': null, 'tokenizer_config.json': JSON.stringify({ add_bos_token: true }) };

function sentencePieceFolder(changes: Changes = {}, bytes = sentencePiece()): string {
  return folderLike(sampleFolder, { ...plain, 'tokenizer.model': bytes, 'config.json': ids, ...changes });
}

const texts = [
  'the water',
  ' the  water and the rain',
  'water.\nand 1212, é',
  'at the',
  '',
  'on on  on',
  '€ and 漢',
  'there in the',
];

async function llamaIds(model: string): Promise<number[][]> {
  const request = {
    model,
    texts: texts.map((text) => new TextEncoder().encode(text)),
    addSpecial: true,
    parseSpecial: true,
  };
  const context = { signal: new AbortController().signal, progress: (): void => {} };
  return (await tokenize(request, context)).ids.map((list) => [...list]);
}

describe('SentencePiece', () => {
  it('gives texts, scores and types as the converter', async () => {
    const folder = sentencePieceFolder({
      'added_tokens.json': JSON.stringify({ '<extra>': 320 }),
      'tokenizer_config.json': JSON.stringify({
        added_tokens_decoder: {
          1: { content: '<s>', special: true },
          321: { content: '▁▁x', special: false },
          322: { content: '<|turn|>', special: false },
        },
      }),
    });
    const keys = plainMetadata(await converted(folder)) as Record<string, { value: unknown[] }>;
    expect(keys).toMatchObject({
      'tokenizer.ggml.model': { value: 'llama' },
      'tokenizer.ggml.pre': { value: 'default' },
      'tokenizer.ggml.bos_token_id': { value: 1 },
      'tokenizer.ggml.unknown_token_id': { value: 0 },
    });
    const [tokens, scores, types] = ['tokens', 'scores', 'token_type'].map(
      (key) => keys[`tokenizer.ggml.${key}`]!.value,
    );
    const row = (id: number): unknown[] => [tokens![id], scores![id], types![id]];
    expect([0, 1, 3, 259, 320, 321, 322, 323].map(row)).toEqual([
      ['<unk>', 259, 2],
      ['<s>', -1000, 3],
      ['<0x00>', 256, 6],
      ['▁t', 0, 1],
      ['<extra>', -1000, 4],
      ['  x', -1000, 4],
      ['<|turn|>', -1000, 3],
      ['[PAD323]', -10_000, 5],
    ]);
    expect(tokens).toHaveLength(4096);
    expect(keys).not.toHaveProperty(['tokenizer.ggml.merges']);
  });

  it('a prefix that is switched off is told; unigram is refused', async () => {
    const folder = sentencePieceFolder({}, sentencePiece(2, [[3, { integer: 0 }]]));
    expect(plainMetadata(await converted(folder))['tokenizer.ggml.add_space_prefix']).toMatchObject({ value: false });
    const error = await failureOf(convert(sentencePieceFolder({}, sentencePiece(1))));
    expect([error.code, error.message]).toEqual(['UNSUPPORTED_ARCHITECTURE', expect.stringMatching(/unigram/)]);
  });

  it.skipIf(!hasAddon)('llama.cpp gives the ids of the folder', async () => {
    const folder = sentencePieceFolder();
    const { encode } = await openFolderTokenizer(folder);
    expect(await llamaIds((await convert(folder)).output)).toEqual(texts.map((text) => encode(text)));
  });

  it.skipIf(!hasAddon)('and where the merges are all there is', async () => {
    const definition = sentencePieceTokenizer(sentencePiece(), 'made up');
    const folder = sentencePieceFolder({ 'tokenizer.model': null, 'tokenizer.json': JSON.stringify(definition) });
    const { encode } = await openFolderTokenizer(folder);
    const { output } = await convert(folder);
    expect(await llamaIds(output)).toEqual(texts.map((text) => encode(text)));
    const keys = plainMetadata(await converted(folder)) as Record<string, { value: unknown[] }>;
    const types = keys['tokenizer.ggml.token_type']!.value;
    expect([0, 1, 3, 259, 4000].map((id) => types[id])).toEqual([3, 3, 6, 1, 5]);
  });
});

describe('pre-tokenizers', () => {
  it('no hash stands twice', () => {
    expect(preTokenizerHashes).toHaveLength(91);
    expect(new Set(preTokenizerHashes.map(([, hash]) => hash)).size).toBe(91);
  });

  it.skipIf(realModel === null || !hasAddon)('the hash of a real vocabulary is the one of the list', async () => {
    const request = {
      model: realModel!,
      texts: [new TextEncoder().encode(checkText)],
      addSpecial: false,
      parseSpecial: true,
    };
    const context = { signal: new AbortController().signal, progress: (): void => {} };
    const [found] = (await tokenize(request, context)).ids;
    expect(preTokenizerHashes).toContainEqual(['smollm', hashOfIds([...found!])]);
  });

  describe.skipIf(!existsSync(ggufPackageBundle) || !hasAddon)('of the vocabularies that llama.cpp tests with', () => {
    const file = (name: string): string => `models/ggml-vocab-${name}.gguf`;
    // MPT's vocabulary gives the ids of OLMo's.
    const expected = {
      'llama-bpe': 'llama-bpe',
      qwen2: 'qwen2',
      'gpt-2': 'gpt-2',
      mpt: 'olmo',
      'command-r': 'command-r',
    };

    it('have the hashes of the list', async () => {
      const place = checkOutBundle(newPath('bundle'), Object.keys(expected).map(file));
      for (const [name, pre] of Object.entries(expected)) {
        const texts = [new TextEncoder().encode(checkText)];
        const request = { model: path.join(place, file(name)), texts, addSpecial: true, parseSpecial: true };
        const [found] = (await tokenize(request, { signal: new AbortController().signal, progress: () => {} })).ids;
        expect(preTokenizerHashes).toContainEqual([pre, hashOfIds([...found!])]);
      }
    });
  });

  it.skipIf(realModel === null)('and so it is through our own tokenizer', async () => {
    const model = await openModel(realModel!);
    const tokens = model.gguf!.metadata.strings('tokenizer.ggml.tokens');
    const types = model.gguf!.metadata.numbers('tokenizer.ggml.token_type');
    const definition = {
      added_tokens: tokens.flatMap((content, id) =>
        types[id] === 3 ? [{ id, content, special: true, normalized: false }] : [],
      ),
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
        ],
      },
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: model.gguf!.metadata.strings('tokenizer.ggml.merges'),
      },
    };
    await model.close();
    const folder = folderLike(sampleFolder, { 'tokenizer.json': JSON.stringify(definition) });
    expect(detectPreTokenizer(await openFolderTokenizer(folder), folder, null)).toBe('smollm');
    expect(path.basename(folder)).toBe('model');
  });
});
