// The tokenizer that an export makes of a GGUF header against llama.cpp's own of the same file.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ggufTokenizer } from '../../src-main/core/export/safetensors/gguf-tokenizer.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { openFolderTokenizer } from '../../src-main/core/tokens/folder-tokenizer.ts';
import { tokenize } from '../../src-main/llama-host/duties/tokenize.ts';
import { awkwardStrings } from '../fixtures/awkward-strings.ts';

export const awkwardTexts = Object.values(awkwardStrings).flatMap((texts) => texts.map((text) => text.toWellFormed()));

/** Texts to which the two give different ids. `folder` is made for the files. */
export async function differingTexts(
  model: string,
  { texts, addSpecial, folder }: { texts: readonly string[]; addSpecial: boolean; folder: string },
): Promise<string[]> {
  const source = await openModel(model);
  const files = ggufTokenizer(source.gguf!.metadata);
  await source.close();
  mkdirSync(folder);
  for (const [name, value] of Object.entries(files!)) writeFileSync(path.join(folder, name), JSON.stringify(value));
  const { encode } = await openFolderTokenizer(folder);
  const encoder = new TextEncoder();
  const { ids } = await tokenize(
    { model, texts: texts.map((text) => encoder.encode(text)), addSpecial, parseSpecial: true },
    { signal: new AbortController().signal, progress: () => {} },
  );
  return texts.filter((text, index) => String(encode(text, addSpecial)) !== String(ids[index]));
}
