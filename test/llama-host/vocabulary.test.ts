// What tokens stand for, held to the tokenizer that made them.
import { describe, expect, test } from 'vitest';
import { fixtures, sampleModel } from '../support/paths.ts';
import { failureOf, handlers, plainCaller } from './host.ts';

const utf8 = new TextEncoder();

async function textOf(model: string, ids: Int32Array): Promise<string> {
  const { pieces, offsets } = await handlers.vocabulary({ model }, plainCaller);
  const parts = Array.from(ids, (id) => pieces.subarray(offsets[id], offsets[id + 1]));
  return Buffer.concat(parts).toString();
}

describe('the vocabulary', () => {
  test.each([sampleModel, `${fixtures}/gguf/llama-gqa-f32.gguf`])('gives a text back: %s', async (model) => {
    const text = 'Once upon a time, 3 naïve foxes — “grüne” 🦊 ran.\n\n  They did!';
    const request = { model, texts: [utf8.encode(text)], addSpecial: false, parseSpecial: false };
    const { ids } = await handlers.tokenize(request, plainCaller);
    expect(await textOf(model, ids[0]!)).toBe(text);
  });

  test('has every token, and nothing for those that end a text', async () => {
    const { pieces, offsets, ends } = await handlers.vocabulary({ model: sampleModel }, plainCaller);
    const { vocabSize, eos } = await handlers.describe({ model: sampleModel }, plainCaller);
    expect(offsets).toHaveLength(vocabSize + 1);
    expect(offsets.at(-1)).toBe(pieces.length);
    expect([...ends]).toContain(eos);
    for (const id of ends) expect(offsets[id + 1]).toBe(offsets[id]);
  });

  test('of a missing model is FILE_NOT_FOUND', async () => {
    const failure = await failureOf(() => handlers.vocabulary({ model: '/none.gguf' }, plainCaller));
    expect(failure.code).toBe('FILE_NOT_FOUND');
  });
});
