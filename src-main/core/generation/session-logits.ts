// Logits of windows by a session with a cache, in pieces: a run cannot be cancelled, and gives logits [tokens, V].
import type { LogitSource } from '../graph/compare-logits.ts';
import { checkTokens, promptTokensPerRun } from './generate-tokens.ts';

/** A model with the cache of several texts of one length side by side. Letters: B texts, T new tokens, V vocabulary. */
export interface LogitSession {
  readonly vocabSize: number;
  /** Forgets all texts. */
  reset(): void;
  /** Runs `ids` [B, T] behind all that came before, and keeps them. Answers logits [B, T, V]. @throws OUT_OF_MEMORY */
  advance(ids: ArrayLike<number>, batch: number): Promise<Float32Array>;
}

export interface SessionLogitsOptions {
  windows: readonly Int32Array[];
  signal: AbortSignal;
  /** Called behind every run with its tokens. */
  onRun: (tokens: number) => void;
}

/** One window after the other. @throws USAGE for tokens outside of the vocabulary; the reason of the signal */
export function sessionLogits(session: LogitSession, { windows, signal, onRun }: SessionLogitsOptions): LogitSource {
  const { vocabSize } = session;
  for (const [index, window] of windows.entries()) checkTokens(window, vocabSize, `window ${index}`);
  return {
    vocabSize,
    async read(window, first, count) {
      if (first === 0) session.reset();
      const rows = new Float32Array(count * vocabSize);
      for (let done = 0; done < count; done += promptTokensPerRun) {
        signal.throwIfAborted();
        const tokens = Math.min(promptTokensPerRun, count - done);
        const ids = windows[window]!.subarray(first + done, first + done + tokens);
        rows.set(await session.advance(ids, 1), done * vocabSize);
        onRun(tokens);
      }
      return rows;
    },
  };
}
