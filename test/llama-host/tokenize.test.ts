// Ids of the vocabularies that llama.cpp's own test uses: real tokenizers of many families, with expected ids.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ggufPackageBundle, sampleModel } from '../support/paths.ts';
import { checkOutBundle } from './bundle.ts';
import { failureOf, handlers, plainCaller, temporaryFolder } from './host.ts';

const separator = '\n__ggml_vocab_test__\n';

describe.skipIf(!existsSync(ggufPackageBundle))('vocabularies of the bundle', () => {
  const folder = temporaryFolder();
  const models = existsSync(ggufPackageBundle) ? path.join(checkOutBundle(folder, ['models']), 'models') : '';
  const names = models ? readdirSync(models).filter((name) => existsSync(path.join(models, `${name}.inp`))) : [];

  test('cover many families', () => {
    expect(names.length).toBeGreaterThanOrEqual(15);
    expect(names).toEqual(
      expect.arrayContaining([
        'ggml-vocab-llama-spm.gguf',
        'ggml-vocab-gemma-4.gguf',
        'ggml-vocab-qwen35.gguf',
        'ggml-vocab-bert-bge.gguf',
      ]),
    );
  });

  test.each(names)('%s', async (name) => {
    const model = path.join(models, name);
    const texts = readFileSync(`${model}.inp`, 'utf8').split(separator);
    const expected = readFileSync(`${model}.out`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').filter(Boolean).map(Number));
    // The last line belongs to an empty text where the input ends with a separator.
    const items = texts.slice(0, expected.length).map((text) => new TextEncoder().encode(text));
    const { ids } = await handlers.tokenize(
      { model, texts: items, addSpecial: false, parseSpecial: false },
      plainCaller,
    );
    expect(ids.map((list) => [...list])).toEqual(expected);
  });
});

describe('the sample model', () => {
  const tokenize = async (
    text: string | Uint8Array,
    addSpecial: boolean,
    parseSpecial = false,
  ): Promise<Int32Array> => {
    const texts = [typeof text === 'string' ? new TextEncoder().encode(text) : text];
    return (await handlers.tokenize({ model: sampleModel, texts, addSpecial, parseSpecial }, plainCaller)).ids[0]!;
  };

  test('an empty text, bytes that are no UTF-8 and zero bytes are tokens too', async () => {
    expect(await tokenize('', false)).toHaveLength(0);
    expect((await tokenize(Uint8Array.of(0xff, 0xc3, 0x28), false)).length).toBeGreaterThan(0);
    expect((await tokenize(Uint8Array.of(97, 0, 98), false)).length).toBeGreaterThanOrEqual(3);
  });

  test('a text has the ids of its lines, CRLF kept', async () => {
    const text = 'First line\r\nand the second line.\n'.repeat(3000);
    const whole = await tokenize(text, false);
    expect(whole.length).toBeGreaterThan(3000 * 8);
    expect(whole.length % 3000).toBe(0);
  });

  test('BOS is added only when asked for and when the file says so', async () => {
    const { addsBos, bos } = await handlers.describe({ model: sampleModel }, plainCaller);
    const [plain, special] = [await tokenize('Hello', false), await tokenize('Hello', true)];
    expect([...special]).toEqual(addsBos ? [bos, ...plain] : [...plain]);
  });

  test('a missing model is FILE_NOT_FOUND', async () => {
    expect(
      (
        await failureOf(() =>
          handlers.tokenize({ model: '/none.gguf', texts: [], addSpecial: false, parseSpecial: false }, plainCaller),
        )
      ).code,
    ).toBe('FILE_NOT_FOUND');
  });
});

test('describe gives the facts of the sample model', async () => {
  expect(await handlers.describe({ model: sampleModel }, plainCaller)).toMatchObject({
    vocabSize: 4096,
    contextLength: 512,
    bos: 0,
    eos: 0,
    hasDecoder: true,
    isRecurrent: false,
    description: expect.stringContaining('llama'),
  });
});
