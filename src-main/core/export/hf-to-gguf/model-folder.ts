// The files of a Hugging Face folder beside its weights, read and checked once.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, malformed } from '../../../contract/errors.ts';
import { readJsonFile } from '../../formats/json-object.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { folderOf, type ModelSource } from '../../formats/model-source.ts';

const count = z.number().int().nonnegative();

const configJson = z.looseObject({
  architectures: z.array(z.string()).nullish(),
  hidden_act: z.string().nullish(),
  head_dim: count.nullish(),
  num_key_value_heads: count.nullish(),
  partial_rotary_factor: z.number().nullish(),
  sliding_window: z.number().nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: count.nullish(),
  layer_types: z.array(z.string()).nullish(),
  is_causal: z.boolean().nullish(),
  quantization_config: z.looseObject({ quant_method: z.string().nullish() }).nullish(),
  _name_or_path: z.string().nullish(),
});
export type ConfigJson = z.infer<typeof configJson>;

export interface ModelFolder {
  path: string;
  /** config.json; sizes are in ModelSource's config. */
  config: ConfigJson;
  /** Parsed; null where the file is missing. */
  tokenizerJson: JsonObject | null;
  tokenizerConfig: JsonObject | null;
  generationConfig: JsonObject | null;
  addedTokens: JsonObject | null;
  /** modules.json of a sentence-transformers model lists its parts. */
  hasModules: boolean;
  sentencePiece: Uint8Array | null;
  /** Names of everything in the folder. */
  names: ReadonlySet<string>;
}

/** Reads the files around the weights of `source`. @throws FILE_NOT_FOUND, FILE_MALFORMED */
export async function readModelFolder(source: ModelSource): Promise<ModelFolder> {
  const path = folderOf(source.path);
  const names = new Set(await readdir(path).catch(rethrow));
  const optional = async (name: string): Promise<JsonObject | null> =>
    names.has(name) ? readJsonFile(join(path, name)) : null;
  const raw = await readJsonFile(join(path, 'config.json'));
  return {
    path,
    config: checked(join(path, 'config.json'), raw, configJson),
    tokenizerJson: await optional('tokenizer.json'),
    tokenizerConfig: await optional('tokenizer_config.json'),
    // Not all models have a valid one, and the converter passes over those too.
    generationConfig: await optional('generation_config.json').catch(() => null),
    addedTokens: await optional('added_tokens.json'),
    hasModules: names.has('modules.json'),
    sentencePiece: names.has('tokenizer.model') ? await readFile(join(path, 'tokenizer.model')).catch(rethrow) : null,
    names,
  };
}

/** Text of a file in the folder, or null where it is missing. */
export async function readText(folder: ModelFolder, name: string): Promise<string | null> {
  if (!folder.names.has(name.split('/')[0]!)) return null;
  return readFile(join(folder.path, name), 'utf8').catch(rethrow);
}

/** `value` as `schema` describes it. @throws FILE_MALFORMED naming the field */
export function checked<Schema extends z.ZodType>(file: string, value: unknown, schema: Schema): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw malformed(file, `field ${issue.path.join('.')}`, {
    expected: 'a value that can be used',
    actual: issue.message,
  });
}

function rethrow(error: unknown): never {
  throw AppError.from(error);
}
