// Tokenizers made of the GGUF headers of real vocabularies give the ids of llama.cpp. Large vocabularies: seconds each.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { newPath } from '../core/export/folders.ts';
import { temporaryFolder } from '../core/formats/temporary-folder.ts';
import { checkOutBundle } from '../llama-host/bundle.ts';
import { ggufPackageBundle, realModel } from '../support/paths.ts';
import { awkwardTexts, differingTexts } from '../support/tokenizer-agreement.ts';

test.skipIf(realModel === null).each([true, false])('SmolLM2, with addSpecial %s', async (addSpecial) => {
  const options = { texts: awkwardTexts, addSpecial, folder: newPath('tokenizer') };
  expect(await differingTexts(realModel!, options)).toEqual([]);
});

describe.skipIf(!existsSync(ggufPackageBundle))("vocabularies of llama.cpp's own test", () => {
  const place = temporaryFolder();
  const models = existsSync(ggufPackageBundle) ? path.join(checkOutBundle(place, ['models']), 'models') : '';

  test.each(['gpt-2', 'llama-bpe', 'qwen2'])('%s', async (name) => {
    const model = path.join(models, `ggml-vocab-${name}.gguf`);
    const own = readFileSync(`${model}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
    // Qwen composes characters, llama.cpp does not; and llama.cpp takes Qwen's plain token </s> for a control token.
    const isAlike = (text: string): boolean => name !== 'qwen2' || (text === text.normalize('NFC') && text !== '</s>');
    const texts = [...awkwardTexts, ...own].filter(isAlike);
    expect(texts.length).toBeGreaterThan(200);
    expect(await differingTexts(model, { texts, addSpecial: true, folder: newPath('tokenizer') })).toEqual([]);
  });
});
