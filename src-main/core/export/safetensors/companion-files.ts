// The small files beside exported weights: tokenizer and generation settings, from the source's folder or its GGUF header.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { ggufTokenizer } from './gguf-tokenizer.ts';

/** Files of a tokenizer, as transformers writes them. */
const tokenizerNames = [
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
];
/** Everything that a source may give; a forced export removes those that its own source does not. */
export const companionNames = [...tokenizerNames, 'generation_config.json', 'slicing.json'];

export interface CompanionFiles {
  /** Content by name. */
  files: Map<string, Uint8Array>;
  /** Text can be tokenized with the folder alone. */
  hasTokenizer: boolean;
}

export const jsonBytes = (value: object): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** From `folder` where one is given, else from the GGUF header. @throws FILE_NOT_FOUND when the folder is not there */
export async function companionFiles(model: ModelSource, folder: string | null): Promise<CompanionFiles> {
  if (folder !== null) return fromFolder(folder);
  const made = model.gguf ? ggufTokenizer(model.gguf.metadata) : null;
  const files = new Map(Object.entries(made ?? {}).map(([name, value]) => [name, jsonBytes(value)]));
  return { files, hasTokenizer: made !== null };
}

async function fromFolder(folder: string): Promise<CompanionFiles> {
  try {
    const there = new Set(await readdir(folder));
    const wanted = [...tokenizerNames, 'generation_config.json'].filter((name) => there.has(name));
    const files = new Map<string, Uint8Array>();
    for (const name of wanted) files.set(name, await readFile(join(folder, name)));
    const has = (...names: string[]): boolean => names.every((name) => files.has(name));
    return { files, hasTokenizer: has('tokenizer.json') || has('tokenizer.model') || has('vocab.json', 'merges.txt') };
  } catch (error) {
    throw AppError.from(error);
  }
}
