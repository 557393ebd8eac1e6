// Text to tokens and back for a job that writes text: by a folder's tokenizer, or by llama.cpp with a GGUF's own.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { readJsonFile } from '../../core/formats/json-object.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { openFolderTokenizer, type FolderTokenizer } from '../../core/tokens/folder-tokenizer.ts';
import type { JobContext } from '../jobs/context.ts';
import { hasVocabulary } from './open.ts';

export interface TextCodec {
  /** Special tokens that are written in the text are recognised; what the model's own rule adds is added. */
  encode: (text: string) => Promise<Int32Array>;
  /** The text of `ids` behind those of `prompt`; it ends in U+FFFD where a token of its last character is missing. */
  decode: (prompt: Int32Array, ids: Int32Array) => string;
  /** Takes ids behind those of `prompt` bit by bit and answers what each bit adds to the text: whole characters only. */
  follow: (prompt: Int32Array) => (ids: Int32Array) => string;
  /** Tokens that end a text. */
  stopIds: number[];
}

/** @param source a folder, or a GGUF file. @throws FILE_NOT_FOUND, UNSUPPORTED_ARCHITECTURE where there is no tokenizer */
export async function openTextCodec(context: JobContext, source: string): Promise<TextCodec> {
  const found = await stat(source).catch((error: unknown) => {
    throw AppError.from(error);
  });
  return found.isDirectory() ? folderCodec(source) : ggufCodec(context, source);
}

async function folderCodec(folder: string): Promise<TextCodec> {
  const tokenizer = await openFolderTokenizer(folder);
  return {
    encode: async (text) => Int32Array.from(tokenizer.encode(text)),
    // Behind a prompt, because a text's first token may lose its space.
    decode: (prompt, ids) => tokenizer.decode([...prompt, ...ids]).slice(tokenizer.decode(prompt).length),
    follow: (prompt) => followFolder(tokenizer, prompt),
    stopIds: await stopIdsOf(folder),
  };
}

/**
 * Decodes what is new behind the last bit that gave text, because a text's first token may lose its space, and says
 * nothing while that ends in the middle of a character. As in huggingface/text-generation-inference, decode_token.
 */
function followFolder(tokenizer: FolderTokenizer, prompt: Int32Array): (ids: Int32Array) => string {
  let before = [...prompt];
  let given = tokenizer.decode(before).length;
  let open: number[] = [];
  return (ids) => {
    open.push(...ids);
    const added = tokenizer.decode([...before, ...open]).slice(given);
    if (added === '' || added.endsWith('\uFFFD')) return '';
    [before, open] = [open, []];
    given = tokenizer.decode(before).length;
    return added;
  };
}

/** `eos_token_id` of generation_config.json, else of config.json: a number or several; none where neither says. */
async function stopIdsOf(folder: string): Promise<number[]> {
  for (const name of ['generation_config.json', 'config.json']) {
    const file = path.join(folder, name);
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    const ids = isThere ? (await readJsonFile(file))['eos_token_id'] : undefined;
    const found = [ids].flat().filter((id) => typeof id === 'number');
    if (found.length > 0) return found;
  }
  return [];
}

async function ggufCodec(context: JobContext, model: string): Promise<TextCodec> {
  await requireVocabulary(model);
  const { signal } = context;
  const { pieces, offsets, ends } = await context.llama((client) => client.vocabulary({ model }, { signal }));
  const bytesOf = (ids: Int32Array): Uint8Array =>
    Buffer.concat(Array.from(ids, (id) => pieces.subarray(offsets[id], offsets[id + 1])));
  const utf8 = () => new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    async encode(text) {
      const texts = [new TextEncoder().encode(text)];
      const { ids } = await context.llama((client) =>
        client.tokenize({ model, texts, addSpecial: true, parseSpecial: true }, { signal }),
      );
      return ids[0]!;
    },
    decode: (_prompt, ids) => utf8().decode(bytesOf(ids)),
    follow() {
      const decoder = utf8();
      return (ids) => decoder.decode(bytesOf(ids), { stream: true });
    },
    stopIds: [...ends],
  };
}

async function requireVocabulary(file: string): Promise<void> {
  const model = await openModel(file);
  await model.close();
  if (!model.gguf) throw new AppError('USAGE', `A tokenizer is a folder or a GGUF file, not ${file}.`, { path: file });
  if (await hasVocabulary(model)) return;
  const message = `${file} has no tokenizer, so no text can be written with it. Name one with --tokenizer.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: file });
}
