// How long a model with a cache takes to read several texts at once and to write on behind them.
import { seededRandom } from '../texts/seeded-random.ts';

/** A model with the cache of several texts of one length. */
export interface TimedSession {
  readonly vocabSize: number;
  /** Forgets all texts. */
  reset(): void;
  /** Runs `ids` [batch, T] behind what came before, and keeps them; no logits are handed out. */
  read(ids: Int32Array, batch: number): Promise<void>;
  /** The same with logits, which are not looked at. */
  advance(ids: Int32Array, batch: number): Promise<unknown>;
}

export interface TimingRequest {
  session: TimedSession;
  batch: number;
  promptTokens: number;
  decodeTokens: number;
  seed: number;
  signal: AbortSignal;
  /** Called before every run with the rounds that are finished. */
  onRun?: (rounds: number) => void;
}

interface Round {
  prefillSeconds: number;
  decodeSeconds: number;
}

export interface Timing extends Round {
  /** How far a round was from the median at most, as a share of it. */
  spread: number;
}

/** The first round pays for memory that later ones have; it does not count. */
export const timedRounds = 3;

/**
 * Medians over three rounds, each on tokens of its own: all prompts in one run, then `decodeTokens` runs of one token per
 * text. @throws the reason of the signal, OUT_OF_MEMORY
 */
export async function timeSession(request: TimingRequest): Promise<Timing> {
  const { session, batch, promptTokens, decodeTokens, signal, onRun } = request;
  const random = seededRandom(request.seed);
  const tokens = (count: number): Int32Array =>
    Int32Array.from({ length: count }, () => Math.floor(random() * session.vocabSize));
  const rounds: Round[] = [];
  for (let round = 0; round <= timedRounds; round += 1) {
    session.reset();
    onRun?.(round);
    signal.throwIfAborted();
    const [prompt, start] = [tokens(batch * promptTokens), performance.now()];
    await session.read(prompt, batch);
    const decodeStart = performance.now();
    for (let step = 0; step < decodeTokens; step += 1) {
      onRun?.(round);
      signal.throwIfAborted();
      await session.advance(tokens(batch), batch);
    }
    const end = performance.now();
    rounds.push({ prefillSeconds: (decodeStart - start) / 1000, decodeSeconds: (end - decodeStart) / 1000 });
  }
  const counted = rounds.slice(1);
  const prefill = middle(counted.map(({ prefillSeconds }) => prefillSeconds));
  const decode = middle(counted.map(({ decodeSeconds }) => decodeSeconds));
  return {
    prefillSeconds: prefill.median,
    decodeSeconds: decode.median,
    spread: Math.max(prefill.spread, decode.spread),
  };
}

function middle(values: readonly number[]): { median: number; spread: number } {
  const median = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  return { median, spread: Math.max(...values.map((value) => Math.abs(value / median - 1))) };
}
