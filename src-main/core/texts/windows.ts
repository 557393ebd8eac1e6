// Rules that calibration and evaluation windows share: full length, or one shorter window where the text has no more.
import { AppError } from '../../contract/errors.ts';

/** Token ids of UTF-8 texts, each with BOS (and EOS) as the model's own tokenizer adds them. */
export type Tokenize = (texts: Uint8Array[]) => Promise<Int32Array[]>;

/** Below this a shorter window says nothing about a model. */
const shortestWindow = 32;

/** Pieces of `length` tokens that do not overlap, the last one shorter where the tokens do not divide. Copies. */
export function cutIntoPieces(tokens: Int32Array, length: number): Int32Array[] {
  return Array.from({ length: Math.ceil(tokens.length / length) }, (_, index) =>
    tokens.slice(index * length, (index + 1) * length),
  );
}

/**
 * The candidates of full length, at most `limit`; where there is none, the longest one if it has 32 tokens.
 * @throws TEXT_TOO_SHORT with the tokens found and needed.
 */
export function fullWindows(
  candidates: Int32Array[],
  { length, limit, text }: { length: number; limit: number; text: string },
): Int32Array[] {
  const full = candidates.filter((candidate) => candidate.length === length).slice(0, limit);
  if (full.length > 0) return full;
  const longest = candidates.reduce(
    (best, candidate) => (candidate.length > best.length ? candidate : best),
    new Int32Array(),
  );
  const needed = Math.min(shortestWindow, length);
  if (longest.length >= needed) return [longest];
  throw new AppError(
    'TEXT_TOO_SHORT',
    `The text "${text}" has ${longest.length} tokens; one window needs at least ${needed} (a full one has ${length}). Give a longer text.`,
    { text, found: longest.length, needed, windowTokens: length },
  );
}
