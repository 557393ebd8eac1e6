// The small files beside exported weights: tokenizer and generation settings, from the source's folder or its GGUF header.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { GgufMetadata } from '../../formats/gguf-values.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { folderOf, openModel } from '../../formats/model-source.ts';
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

/** From a folder or a GGUF where one is given, else from the model's own GGUF header. @throws FILE_NOT_FOUND when it is not there */
export async function companionFiles(model: ModelSource, from: string | null): Promise<CompanionFiles> {
  if (from === null) return model.gguf ? fromHeader(model.gguf.metadata) : { files: new Map(), hasTokenizer: false };
  const folder = folderOf(from);
  // A folder may have a tokenizer and no model.
  if ((await stat(folder).catch(() => null))?.isFile() !== true) return fromFolder(folder);
  const source = await openModel(from);
  await source.close();
  return fromHeader(source.gguf!.metadata);
}

function fromHeader(metadata: GgufMetadata): CompanionFiles {
  const tokenizer = ggufTokenizer(metadata);
  const generation = generationConfig(metadata);
  const made = { ...tokenizer, ...(generation && { 'generation_config.json': generation }) };
  const files = new Map(Object.entries(made).map(([name, value]) => [name, jsonBytes(value)]));
  return { files, hasTokenizer: tokenizer !== null };
}

/** Where a text begins and a turn ends; null where the header does not say. */
function generationConfig(metadata: GgufMetadata): JsonObject | null {
  const id = (role: string): number | null => metadata.integer(`tokenizer.ggml.${role}_token_id`, null);
  const ends = [...new Set(['eos', 'eot', 'eom'].map(id).filter((end) => end !== null))];
  if (ends.length === 0) return null;
  return { bos_token_id: id('bos'), eos_token_id: ends.length === 1 ? ends[0] : ends, pad_token_id: id('padding') };
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
