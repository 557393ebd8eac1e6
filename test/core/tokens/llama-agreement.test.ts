// The folder's tokenizer and llama.cpp's on the GGUF of the same model: the same ids for every awkward string.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { tokenize } from '../../../src-main/llama-host/duties/tokenize.ts';
import { awkwardStrings } from '../../fixtures/awkward-strings.ts';
import { root, sampleFolder, sampleModel } from '../../support/paths.ts';

const strings = Object.entries(awkwardStrings).flatMap(([group, texts]) =>
  texts.map((text) => ({ group, text: text.toWellFormed() })),
);
const hasAddon = existsSync(path.join(root, 'native/build/Release/snug_llama.node'));

async function llamaIds(addSpecial: boolean): Promise<Int32Array[]> {
  const texts = strings.map(({ text }) => new TextEncoder().encode(text));
  const context = { signal: new AbortController().signal, progress: () => {} };
  return (await tokenize({ model: sampleModel, texts, addSpecial, parseSpecial: true }, context)).ids;
}

it('there are enough strings, no two the same', () => {
  const texts = Object.values(awkwardStrings).flat();
  expect(texts.length).toBeGreaterThanOrEqual(200);
  expect(new Set(texts).size).toBe(texts.length);
});

describe.skipIf(!hasAddon)('ids equal llama.cpp', () => {
  it.each([false, true])('with addSpecial %s', async (addSpecial) => {
    const { encode } = await openFolderTokenizer(sampleFolder);
    const ids = await llamaIds(addSpecial);
    const differing = strings.filter(({ text }, index) => String(encode(text, addSpecial)) !== String(ids[index]));
    expect(differing).toEqual([]);
  });
});
