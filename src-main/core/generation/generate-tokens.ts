// Writes on from a prompt, token by token, with a cache that the session keeps. Letters: V vocabulary.
import { AppError } from '../../contract/errors.ts';
import { createSampler } from './sampler.ts';
import type { SamplingOptions } from './sampler.ts';

/** A model with the cache of one text. */
export interface DecodingSession {
  readonly vocabSize: number;
  /** Runs `ids` behind all that came before, and keeps them. Answers the logits [V] behind the last one. */
  advance(ids: readonly number[]): Promise<Float32Array>;
}

export interface GenerationRequest {
  session: DecodingSession;
  /** Token ids, at least one. */
  prompt: readonly number[];
  maxTokens: number;
  /** Tokens that end a text; none of them is part of it. */
  stopIds: ReadonlySet<number>;
  sampling: SamplingOptions;
  signal: AbortSignal;
  /** Called before every run with the tokens of the prompt that were run. */
  onPrompt?: (done: number) => void;
  /** Called with every token, and how many there are with it. */
  onToken?: (id: number, count: number) => void;
}

export interface Generation {
  ids: number[];
  /** `stop`: by a token of `stopIds`. */
  endedBy: 'stop' | 'limit';
  /** Of the prompt. */
  prefillSeconds: number;
  /** Of the tokens behind the first one, which the prompt's run gives. */
  decodeSeconds: number;
}

/** Tokens of a prompt per run: a run cannot be cancelled, and gives logits [tokens, V]. */
export const promptTokensPerRun = 64;

/** @throws USAGE on a prompt that is empty or has a token outside of the vocabulary, NON_FINITE, the reason of the signal */
export async function generateTokens(request: GenerationRequest): Promise<Generation> {
  const { session, prompt, maxTokens, stopIds, signal } = request;
  requirePrompt(prompt, session.vocabSize);
  const choose = createSampler(request.sampling);
  const start = performance.now();
  let logits: Float32Array = new Float32Array();
  for (let first = 0; first < prompt.length; first += promptTokensPerRun) {
    signal.throwIfAborted();
    request.onPrompt?.(first);
    logits = await session.advance(prompt.slice(first, first + promptTokensPerRun));
  }
  const decodeStart = performance.now();

  const ids: number[] = [];
  const ended = (endedBy: Generation['endedBy']): Generation => ({
    ...{ ids, endedBy, prefillSeconds: (decodeStart - start) / 1000 },
    decodeSeconds: (performance.now() - decodeStart) / 1000,
  });
  for (;;) {
    const id = choose(logits);
    if (stopIds.has(id)) return ended('stop');
    ids.push(id);
    request.onToken?.(id, ids.length);
    if (ids.length >= maxTokens) return ended('limit');
    signal.throwIfAborted();
    logits = await session.advance([id]);
  }
}

function requirePrompt(prompt: readonly number[], vocabSize: number): void {
  if (prompt.length === 0) {
    throw new AppError('USAGE', 'The prompt has no token: give a text, as this tokenizer adds none of its own.');
  }
  checkTokens(prompt, vocabSize, 'the prompt');
}

/** @throws USAGE for a token outside of the vocabulary; `where` it is, for the message */
export function checkTokens(ids: ArrayLike<number>, vocabSize: number, where: string): void {
  const stranger = Array.from(ids).find((id) => id < 0 || id >= vocabSize);
  if (stranger === undefined) return;
  const message = `Token ${stranger} of ${where} is not in the model's vocabulary of ${vocabSize}: the tokenizer is that of another model.`;
  throw new AppError('USAGE', message, { token: stranger, vocabSize });
}
