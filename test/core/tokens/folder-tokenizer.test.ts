import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { awkwardStrings } from '../../fixtures/awkward-strings.ts';
import { sampleFolder } from '../../support/paths.ts';
import { failureOf, temporaryFolder } from '../formats/temporary-folder.ts';

const folder = temporaryFolder();
const sample = JSON.parse(readFileSync(path.join(sampleFolder, 'tokenizer.json'), 'utf8')) as Record<string, unknown>;

let folders = 0;
function folderWith(files: Record<string, unknown>): string {
  const place = path.join(folder, `model-${folders++}`);
  mkdirSync(place);
  for (const [name, content] of Object.entries(files))
    writeFileSync(path.join(place, name), typeof content === 'string' ? content : JSON.stringify(content));
  return place;
}

describe('the sample model', () => {
  it('knows its kind and size', async () => {
    expect(await openFolderTokenizer(sampleFolder)).toMatchObject({ model: 'BPE', vocabSize: 4096 });
  });

  it('gives every awkward string back', async () => {
    const { encode, decode } = await openFolderTokenizer(sampleFolder);
    for (const text of Object.values(awkwardStrings).flat())
      expect(decode(encode(text, false))).toBe(text.toWellFormed());
  });

  it('skips ids without a token and ends of characters', async () => {
    const { encode, decode } = await openFolderTokenizer(sampleFolder);
    expect(decode([])).toBe('');
    expect(decode([4096, 99_999])).toBe('');
    expect(decode(Int32Array.from([...encode('a', false), 99_999]))).toBe('a');
    expect(decode(encode('漢', false).slice(0, 1))).toBe('\ufffd');
  });
});

describe('BOS', () => {
  const named = { bos_token: '<|endoftext|>' };
  const withTemplate = {
    ...sample,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<|endoftext|>': { id: '<|endoftext|>', ids: [0], tokens: ['<|endoftext|>'] } },
    },
  };

  it.each([
    ['nothing says so', { 'tokenizer.json': sample }, false],
    ['the template has it', { 'tokenizer.json': withTemplate }, true],
    [
      'the configuration switches it on',
      { 'tokenizer.json': sample, 'tokenizer_config.json': { ...named, add_bos_token: true } },
      true,
    ],
    ['both', { 'tokenizer.json': withTemplate, 'tokenizer_config.json': { ...named, add_bos_token: true } }, true],
    [
      'the configuration switches it off',
      { 'tokenizer.json': withTemplate, 'tokenizer_config.json': { ...named, add_bos_token: false } },
      false,
    ],
    [
      'the configuration has no word on it',
      { 'tokenizer.json': withTemplate, 'tokenizer_config.json': { bos_token: null } },
      true,
    ],
  ])('%s', async (_, files, isAdded) => {
    const { encode } = await openFolderTokenizer(folderWith(files));
    expect(encode('a')).toEqual([...(isAdded ? [0] : []), ...encode('a', false)]);
    expect(encode('<|endoftext|>a')).toEqual([...(isAdded ? [0, 0] : [0]), ...encode('a', false)]);
  });
});

describe('classes of characters', () => {
  /** BPE that merges all of `characters` if the pre-tokenizer leaves them together. */
  function merging(characters: string, preTokenizer: object): object {
    const [first, ...rest] = characters;
    const merges: [string, string][] = [];
    let merged = first!;
    for (const next of rest) {
      merges.push([merged, next]);
      merged += next;
    }
    const tokens = new Set([...Array.from(characters), ...merges.map((pair) => pair.join(''))]);
    return {
      model: { type: 'BPE', vocab: Object.fromEntries([...tokens].map((token, id) => [token, id])), merges },
      pre_tokenizer: preTokenizer,
    };
  }

  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
  it.each([
    {
      what: 'individual digits of any script',
      text: '٣٤',
      step: { type: 'Digits', individual_digits: true },
      count: 2,
    },
    { what: 'runs of digits of any script', text: 'a٣٤', step: { type: 'Digits', individual_digits: false }, count: 3 },
    { what: 'Roman numerals and fractions', text: 'Ⅳ½', step: { type: 'Digits', individual_digits: true }, count: 2 },
    {
      what: 'digits in a sequence',
      text: 'Ⅳ½',
      step: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }] },
      count: 2,
    },
    // `written`: the bytes of U+FEFF and U+0085 as GPT-2 writes them.
    { what: 'U+FEFF is no whitespace', text: '\ufeff!', written: 'ï»¿!', step: byteLevel, count: 1 },
    { what: 'U+0085 is whitespace', text: '\u0085!', written: 'Âħ!', step: byteLevel, count: 2 },
  ])('$what', async ({ text, written = text, step, count }) => {
    const { encode } = await openFolderTokenizer(folderWith({ 'tokenizer.json': merging(written, step) }));
    expect(encode(text, false)).toHaveLength(count);
  });
});

describe('files', () => {
  it('a model of the first releases shows its type by what it holds', async () => {
    const { type: _, ...model } = sample['model'] as { type: string };
    expect((await openFolderTokenizer(folderWith({ 'tokenizer.json': { ...sample, model } }))).model).toBe('BPE');
    const vocab = { '[UNK]': 0, a: 1 };
    const wordPiece = { model: { unk_token: '[UNK]', continuing_subword_prefix: '##', vocab } };
    expect(await openFolderTokenizer(folderWith({ 'tokenizer.json': wordPiece }))).toMatchObject({
      model: 'WordPiece',
      vocabSize: 2,
    });
  });

  it('a folder without a tokenizer says so', async () => {
    expect(await failureOf(openFolderTokenizer(folderWith({ 'config.json': {} })))).toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });

  it('tokenizer.json comes before tokenizer.model', async () => {
    const place = folderWith({ 'tokenizer.model': 'not one' });
    cpSync(path.join(sampleFolder, 'tokenizer.json'), path.join(place, 'tokenizer.json'));
    expect((await openFolderTokenizer(place)).vocabSize).toBe(4096);
  });

  it.each<[string, unknown]>([
    ['no JSON', '{"model":'],
    ['no object', '[]'],
    ['no model', {}],
    ['a model of an unknown type', { ...sample, model: { type: 'Magic', vocab: {} } }],
    ['a vocabulary of words', { ...sample, model: { type: 'BPE', vocab: { a: 'one' }, merges: [] } }],
    ['a negative id', { ...sample, model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }],
    ['merges of three', { ...sample, model: { type: 'BPE', vocab: { a: 0 }, merges: [['a', 'a', 'a']] } }],
    ['an empty Unigram', { model: { type: 'Unigram', vocab: [] } }],
    ['an unknown step', { ...sample, pre_tokenizer: { type: 'Magic' } }],
    ['a sequence of numbers', { ...sample, pre_tokenizer: { type: 'Sequence', pretokenizers: [3] } }],
    [
      'a broken pattern',
      { ...sample, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } },
    ],
    ['an added token without a name', { ...sample, added_tokens: [{ id: 1 }] }],
  ])('%s is malformed', async (_, content) => {
    expect(await failureOf(openFolderTokenizer(folderWith({ 'tokenizer.json': content })))).toMatchObject({
      code: 'FILE_MALFORMED',
    });
  });

  it('a Unigram model with byte fallback cannot be used', async () => {
    const place = folderWith({
      'tokenizer.json': { model: { type: 'Unigram', vocab: [['a', 0]], byte_fallback: true } },
    });
    expect(await failureOf(openFolderTokenizer(place))).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE' });
  });

  it('a malformed tokenizer_config.json is malformed', async () => {
    const place = folderWith({ 'tokenizer.json': sample, 'tokenizer_config.json': { add_bos_token: 'yes' } });
    expect(await failureOf(openFolderTokenizer(place))).toMatchObject({
      code: 'FILE_MALFORMED',
      details: { where: 'add_bos_token' },
    });
  });
});
