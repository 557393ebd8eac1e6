// The tokenizer of a Hugging Face folder: tokenizer.json, else tokenizer.model (SentencePiece), by @huggingface/tokenizers.
// GGUF files have theirs in llama.cpp; both give the same ids for the same model (test/core/tokens).
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError, malformed } from '../../contract/errors.ts';
import { createTokenizer, type PackageTokenizer } from './package-tokenizer.ts';
import { adaptedPreTokenizer } from './pre-tokenizer.ts';
import { sentencePieceTokenizer } from './sentencepiece.ts';
import { tokenizerConfig, tokenizerJson, type TokenizerJson } from './tokenizer-json.ts';

export interface FolderTokenizer {
  /** Token ids of a text; special tokens written in it are recognised. `addSpecial` (default) adds BOS where the model does. */
  encode(text: string, addSpecial?: boolean): number[];
  /** The text of ids, special tokens included. */
  decode(ids: ArrayLike<number>): string;
  /** Highest id + 1. */
  vocabSize: number;
  model: TokenizerJson['model']['type'];
}

/**
 * Opens the tokenizer of a model folder.
 * @throws FILE_NOT_FOUND when the folder has none, FILE_MALFORMED, UNSUPPORTED_ARCHITECTURE.
 */
export async function openFolderTokenizer(folder: string): Promise<FolderTokenizer> {
  const { file, definition } = await readDefinition(folder);
  const tokenizer = build(definition, file);
  const ids = [...tokenizer.get_vocab().values(), ...definition.added_tokens.map((token) => token.id)];
  const bos = await bosRule(folder, tokenizer);

  function encode(text: string, addSpecial = true): number[] {
    const found = tokenizer.encode(text.toWellFormed(), { add_special_tokens: addSpecial }).ids;
    return addSpecial ? bos(found) : found;
  }

  return {
    encode,
    decode(tokens) {
      const known = Array.from(tokens).filter((id) => tokenizer.id_to_token(id) !== undefined);
      if (known.length === 0) return '';
      return tokenizer.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    vocabSize: ids.reduce((highest, id) => Math.max(highest, id), -1) + 1,
    model: definition.model.type,
  };
}

async function readDefinition(folder: string): Promise<{ file: string; definition: TokenizerJson }> {
  const json = await readOptional(path.join(folder, 'tokenizer.json'));
  if (json !== null) {
    const definition = parseJson(json, tokenizerJson);
    refuseByteFallback(definition, json.file);
    return { file: json.file, definition };
  }
  const sentencePiece = await readOptional(path.join(folder, 'tokenizer.model'));
  if (sentencePiece === null) {
    throw new AppError('FILE_NOT_FOUND', `${folder} has no tokenizer: expected tokenizer.json or tokenizer.model.`, {
      path: folder,
    });
  }
  const definition = sentencePieceTokenizer(sentencePiece.bytes, sentencePiece.file);
  const extra = await readOptional(path.join(folder, 'added_tokens.json'));
  if (extra !== null) {
    const tokens = parseJson(extra, z.record(z.string().min(1), z.number().int().nonnegative()));
    for (const [content, id] of Object.entries(tokens))
      definition.added_tokens.push({ id, content, normalized: false, special: true });
  }
  return { file: sentencePiece.file, definition };
}

/** The package would give the unknown token where Unigram should give bytes. */
function refuseByteFallback({ model }: TokenizerJson, file: string): void {
  if (model.type !== 'Unigram' || model['byte_fallback'] !== true) return;
  const message = `${file}: a Unigram tokenizer with byte fallback cannot be used. Use the model as a GGUF file.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { file });
}

/** The package checks little: what it throws, here or on a first text, comes from the file. */
function build(definition: TokenizerJson, file: string): PackageTokenizer {
  try {
    const tokenizer = createTokenizer({ ...definition, pre_tokenizer: adaptedPreTokenizer(definition) });
    tokenizer.encode('a 1');
    return tokenizer;
  } catch (error) {
    throw malformed(file, 'the tokenizer', {
      expected: 'a definition that can be used',
      actual: error instanceof Error ? error.message : String(error),
    });
  }
}

/**
 * tokenizer_config.json may switch BOS on or off (llama.cpp's converter follows it too); without a word there, the
 * tokenizer's own post-processor decides.
 */
async function bosRule(folder: string, tokenizer: PackageTokenizer): Promise<(ids: number[]) => number[]> {
  const config = await readOptional(path.join(folder, 'tokenizer_config.json'));
  const settings = config === null ? {} : parseJson(config, tokenizerConfig);
  const name = typeof settings.bos_token === 'object' ? settings.bos_token?.content : settings.bos_token;
  const bos = name === undefined ? undefined : tokenizer.token_to_id(name);
  const isWanted = settings.add_bos_token;
  if (bos === undefined || isWanted === undefined || isWanted === null) return (ids) => ids;
  const isAdded = tokenizer.encode('', { add_special_tokens: true }).ids[0] === bos;
  if (isWanted === isAdded) return (ids) => ids;
  return isWanted ? (ids) => [bos, ...ids] : (ids) => ids.slice(1);
}

interface FileContent {
  file: string;
  bytes: Uint8Array;
}

async function readOptional(file: string): Promise<FileContent | null> {
  try {
    return { file, bytes: await readFile(file) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw AppError.from(error);
  }
}

function parseJson<Schema extends z.ZodType>({ file, bytes }: FileContent, schema: Schema): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed(file, 'the file', {
      expected: 'JSON',
      actual: error instanceof Error ? error.message : String(error),
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw malformed(file, issue.path.join('.') || 'the file', { expected: 'a tokenizer', actual: issue.message });
}
