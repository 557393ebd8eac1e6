// Finds tokenizer.ggml.pre by the converter's method: encode one text, hash the ids, look the hash up.
import { createHash } from 'node:crypto';
import { AppError } from '../../../contract/errors.ts';
import type { FolderTokenizer } from '../../tokens/folder-tokenizer.ts';
import { checkText, preTokenizerHashes } from './pre-tokenizer-hashes.ts';

/** The converter's `chkhsh`: SHA-256 of `[1, 2, 3]`, as Python writes a list. */
export function hashOfIds(ids: readonly number[]): string {
  return createHash('sha256')
    .update(`[${ids.join(', ')}]`)
    .digest('hex');
}

const nameByHash = new Map(preTokenizerHashes.map(([name, hash]) => [hash, name]));
/** The bundled sample model, whose vocabulary was made for Snug: GPT-2's pattern with single digits. */
nameByHash.set('e0e4130eed1aca214cf726276719f43e59a5cc011f46c10c68e4c1b0667b652a', 'smollm');

/**
 * Name of the pre-tokenizer. Whether BOS stands before the ids depends on the release of transformers that made a
 * hash, so the other form is looked up where the model's own is unknown: the ids after BOS say which vocabulary it is.
 * @throws UNSUPPORTED_ARCHITECTURE with the hash, when no known vocabulary has it
 */
export function detectPreTokenizer(tokenizer: FolderTokenizer, folder: string, bos: number | null): string {
  const hash = hashOfIds(tokenizer.encode(checkText));
  const plain = tokenizer.encode(checkText, false);
  const hashes = [hash, hashOfIds(plain), ...(bos === null ? [] : [hashOfIds([bos, ...plain])])];
  const name = hashes.map((one) => nameByHash.get(one)).find((found) => found !== undefined);
  if (name !== undefined) return name;
  throw new AppError(
    'UNSUPPORTED_ARCHITECTURE',
    `The pre-tokenizer of ${folder} is unknown: no vocabulary that llama.cpp v0.4.0 knows has the hash ${hash}. ` +
      'Get the model as GGUF, or convert it with a newer llama.cpp.',
    { path: folder, hash },
  );
}
