// Evaluation windows (method 1.2 and 6): the text tokenised once with the tokenizer's own BOS rule, cut without overlap.
import { AppError } from '../../contract/errors.ts';
import type { OpenedText } from './open-text.ts';
import { cutIntoPieces, fullWindows, type Tokenize } from './windows.ts';

export interface EvaluationRequest {
  text: OpenedText;
  /** Tokens of a window. */
  window: number;
  /** At most this many; null = all. */
  windows: number | null;
  contextLength: number;
  tokenize: Tokenize;
}

/**
 * Windows of min(window, context) tokens; a shorter rest is dropped unless it is all there is. Rows of token ids are used
 * as they are, cut to length. `windowTokens` is the length of a window (of the longest, where rows differ).
 * @throws TEXT_TOO_SHORT for a text of fewer than 32 tokens, or a row of one token.
 */
export async function evaluationWindows(
  request: EvaluationRequest,
): Promise<{ windows: Int32Array[]; windowTokens: number }> {
  const { text, contextLength, tokenize } = request;
  const length = Math.min(request.window, contextLength);
  const limit = request.windows ?? Number.POSITIVE_INFINITY;
  const windows =
    text.rows === null
      ? fullWindows(cutIntoPieces(await tokensOf(text.joined, tokenize), length), { length, limit, text: text.name })
      : rowWindows(text.name, text.rows.slice(0, limit), length);
  return { windows, windowTokens: windows.reduce((longest, window) => Math.max(longest, window.length), 0) };
}

async function tokensOf(text: Uint8Array, tokenize: Tokenize): Promise<Int32Array> {
  const [tokens] = await tokenize([text]);
  return tokens!;
}

function rowWindows(text: string, rows: Int32Array[], length: number): Int32Array[] {
  return rows.map((row, index) => {
    if (row.length >= 2) return row.slice(0, length);
    const message = `Row ${index} of "${text}" has one token; a prediction needs two.`;
    throw new AppError('TEXT_TOO_SHORT', message, { text, row: index, found: row.length, needed: 2 });
  });
}
