// Tokenizers made of GGUF headers. Other vocabularies: test/heavy/gguf-tokenizers.test.ts.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ggufTokenizer } from '../../../src-main/core/export/safetensors/gguf-tokenizer.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { fixtures, sampleModel } from '../../support/paths.ts';
import { awkwardTexts, differingTexts } from '../../support/tokenizer-agreement.ts';
import { hasAddon, newPath } from './folders.ts';

describe.skipIf(!hasAddon)('the sample model has the ids of llama.cpp', () => {
  test.each([true, false])('with addSpecial %s', async (addSpecial) => {
    expect(awkwardTexts.length).toBeGreaterThan(200);
    const options = { texts: awkwardTexts, addSpecial, folder: newPath('tokenizer') };
    expect(await differingTexts(sampleModel, options)).toEqual([]);
  });
});

test('a vocabulary that is not known here, or names no types, has none', async () => {
  const model = await openModel(path.join(fixtures, 'gguf/llama-gqa-f32.gguf'));
  const { metadata } = model.gguf!;
  await model.close();
  const string = (value: string): { type: 'string'; value: string } => ({ type: 'string', value });
  expect(ggufTokenizer(metadata)).not.toBeNull();
  expect(ggufTokenizer(metadata.clone().set('tokenizer.ggml.pre', string('tekken')))).toBeNull();
  expect(ggufTokenizer(metadata.clone().set('tokenizer.ggml.model', string('llama')))).toBeNull();
  const untyped = metadata.clone();
  untyped.delete('tokenizer.ggml.token_type');
  expect(ggufTokenizer(untyped)).toBeNull();
});
