// SentencePiece models made up here. Ids follow SentencePiece's algorithm by hand; with models trained by the Python
// package the same reader gave its ids on 530 strings (BPE, BPE with byte fallback, Unigram).
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { readSentencePieceModel } from '../../../src-main/core/tokens/sentencepiece-model.ts';
import { sentencePieceTokenizer } from '../../../src-main/core/tokens/sentencepiece.ts';
import { failureOf, temporaryFolder } from '../formats/temporary-folder.ts';
import { protobuf, type Field } from './protobuf.ts';

const folder = temporaryFolder();
const types = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 };
type Pieces = [text: string, type?: keyof typeof types][];

interface Settings {
  kind?: number;
  trainer?: Field[];
  normalizer?: Field[];
}

/** Scores fall with the id, as training gives them. */
function model(pieces: Pieces, { kind = 2, trainer = [], normalizer = [] }: Settings = {}): Uint8Array {
  return protobuf(
    ...pieces.map(([text, type = 'normal'], id): Field => [
      1,
      protobuf([1, text], [2, { float: -id }], [3, { integer: types[type] }]),
    ]),
    [2, protobuf([3, { integer: kind }], [43, { integer: -1 }], ...trainer)],
    [3, protobuf([1, 'identity'], [4, { integer: 0 }], ...normalizer)],
  );
}

let folders = 0;
async function tokenizer(bytes: Uint8Array, others: Record<string, unknown> = {}) {
  const place = path.join(folder, `model-${folders++}`);
  mkdirSync(place);
  writeFileSync(path.join(place, 'tokenizer.model'), bytes);
  for (const [name, content] of Object.entries(others)) writeFileSync(path.join(place, name), JSON.stringify(content));
  return openFolderTokenizer(place);
}

const special: Pieces = [
  ['<unk>', 'unknown'],
  ['<s>', 'control'],
  ['</s>', 'control'],
];
const bytePieces: Pieces = Array.from({ length: 256 }, (_, byte) => [
  `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  'byte',
]);
const letters: Pieces = ['▁', 'a', 'b', 'c', 'd'].map((text) => [text]);

describe('BPE', () => {
  // bc is the best merge although ab comes first in the text, and ▁a is the last.
  const pieces: Pieces = [...special, ...bytePieces, ['bc'], ['ab'], ['▁▁'], ['▁a'], ['abc'], ...letters];
  const id = (text: string): number => pieces.findIndex(([piece]) => piece === text);
  const bytes = model(pieces);

  it.each([
    ['a', ['▁a']],
    ['abc', ['▁a', 'bc']],
    ['ab ab', ['▁', 'ab', '▁', 'ab']],
    ['bca', ['▁', 'bc', 'a']],
    ['  a', ['▁▁', '▁a']],
    ['b€', ['▁', 'b', '<0xE2>', '<0x82>', '<0xAC>']],
    ['\n', ['▁', '<0x0A>']],
    ['', []],
  ])('%j', async (text, expected) => {
    const { encode, decode, vocabSize, model: kind } = await tokenizer(bytes);
    expect(encode(text, false)).toEqual(expected.map(id));
    expect(encode(text)).toEqual([id('<s>'), ...expected.map(id)]);
    expect(decode(encode(text, false))).toBe(text);
    expect([vocabSize, kind]).toEqual([pieces.length, 'BPE']);
  });

  it('recognises control pieces in a text', async () => {
    const { encode } = await tokenizer(bytes);
    expect(encode('a</s>a', false)).toEqual(['▁a', '</s>', '▁a'].map(id));
  });

  it('merges characters that are no pieces themselves', async () => {
    const few: Pieces = [...special, ['▁'], ['xy'], ['▁xy']];
    expect((await tokenizer(model(few))).encode('xy', false)).toEqual([5]);
  });

  it('has user-defined pieces first, spaces in them written as spaces', async () => {
    const own: Pieces = [...special, ['[X]', 'userDefined'], ['▁▁', 'userDefined'], ...letters];
    const { encode, decode } = await tokenizer(model(own, { normalizer: [[3, { integer: 0 }]] }));
    expect(encode('a[X]b  c', false)).toEqual([6, 3, 7, 4, 8]);
    expect(decode([6, 3, 7, 4, 8])).toBe('a[X]b  c');
  });

  it('takes extra whitespace away where the model does', async () => {
    const trimmed = await tokenizer(model([...special, ...letters], { normalizer: [[4, { integer: 1 }]] }));
    expect(trimmed.encode('  a   b ', false)).toEqual([3, 4, 3, 5]);
    expect(trimmed.encode('   ', false)).toEqual([]);
  });

  it('gives the unknown piece without byte fallback, once for a run', async () => {
    expect((await tokenizer(model([...special, ...letters]))).encode('a€€b', false)).toEqual([3, 4, 0, 5]);
  });

  it('lets tokenizer_config.json switch BOS off, and takes added_tokens.json', async () => {
    const plain = await tokenizer(bytes, {
      'tokenizer_config.json': { add_bos_token: false, bos_token: { content: '<s>' } },
    });
    expect(plain.encode('a')).toEqual([id('▁a')]);
    const { encode, vocabSize } = await tokenizer(bytes, { 'added_tokens.json': { '<|im_end|>': 300 } });
    expect(encode('a<|im_end|>', false)).toEqual([id('▁a'), 300]);
    expect(vocabSize).toBe(301);
  });
});

describe('Unigram', () => {
  it('takes the best sum of scores and adds EOS', async () => {
    const pieces: Pieces = [...special, ['▁abc'], ['▁'], ['▁ab'], ['a'], ['b'], ['c'], ['bc']];
    const { encode, model: kind } = await tokenizer(model(pieces, { kind: 1 }));
    expect(kind).toBe('Unigram');
    expect(encode('abc', false)).toEqual([3]);
    expect(encode('ab abc')).toEqual([5, 3, 2]);
  });

  it('encodes a whole book', async () => {
    const { encode } = await tokenizer(model([...special, ...letters], { kind: 1 }));
    expect(encode('ab '.repeat(60_000), false)).toHaveLength(180_001);
  });
});

describe('refusals', () => {
  it.each([
    ['Unigram with byte fallback', model([...special, ...bytePieces, ...letters], { kind: 1 }), /byte fallback/],
    ['model type word', model([...special, ...letters], { kind: 3 }), /"word"/],
    ['suffix marks', model([...special, ...letters], { trainer: [[24, { integer: 1 }]] }), /end of words/],
    [
      'another character map',
      model([...special, ...letters], {
        normalizer: [
          [1, 'nfkc_cf'],
          [2, 'map'],
        ],
      }),
      /nfkc_cf/,
    ],
  ])('%s cannot be used', async (_, bytes, reason) => {
    const failure = await failureOf(tokenizer(bytes));
    expect(failure).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE' });
    expect(failure.message).toMatch(reason);
  });

  it.each([
    ['an empty file', new Uint8Array()],
    ['a text', Buffer.from('IQ== 0\nIg== 1\n')],
    ['no pieces', protobuf([2, protobuf([3, { integer: 2 }])])],
    ['a piece twice', model([...special, ['a'], ['a']])],
    ['a piece without text', protobuf([1, protobuf([2, { float: 0 }])])],
    ['a piece of an unknown type', protobuf([1, protobuf([1, 'a'], [3, { integer: 9 }])])],
    ['a score that is no number', protobuf([1, protobuf([1, 'a'], [2, { float: Number.NaN }])])],
    ['an unknown piece outside', model(special, { trainer: [[40, { integer: 77 }]] })],
    ['a model type that does not exist', model(special, { kind: 8 })],
    ['an endless number', Uint8Array.from([0x0a, ...Array<number>(12).fill(0xff)])],
    ['a length beyond the file', Uint8Array.from([0x0a, 0xff, 0xff, 0xff, 0x7f, 0x00])],
    ['a piece that is not UTF-8', protobuf([1, protobuf([1, Uint8Array.of(0xff)])])],
  ])('%s is malformed', async (_, bytes) => {
    expect(await failureOf(tokenizer(bytes))).toMatchObject({ code: 'FILE_MALFORMED' });
  });

  it('a model cut anywhere is malformed or has fewer pieces', () => {
    const bytes = model([...special, ...letters]);
    for (let length = 0; length < bytes.length; length++) {
      try {
        const { pieces } = readSentencePieceModel(bytes.subarray(0, length), 'cut');
        expect(pieces.length).toBeLessThanOrEqual(8);
      } catch (error) {
        expect(error).toMatchObject({ code: 'FILE_MALFORMED' });
      }
    }
  });

  it('fields that nobody knows are skipped', () => {
    const bytes = Buffer.concat([
      model([...special, ...letters]),
      protobuf([90, 'x'], [91, { integer: -5 }], [92, { float: 1 }]),
    ]);
    expect(sentencePieceTokenizer(bytes, 'extra').added_tokens).toHaveLength(3);
  });
});
