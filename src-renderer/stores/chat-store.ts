// A question to the original and to what was made of it: one at a time, as in the engine.
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { z } from 'zod';
import type { askRequest, AskResult, Asking } from '../../src-main/contract/chat.ts';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import { useEngineStore } from './engine-store.ts';

export type AskWish = z.input<typeof askRequest>;

export type ChatState =
  | { state: 'idle' }
  | { state: 'asking'; wish: AskWish; asking: Asking | null; isStopping: boolean }
  /** A run computes: the user decides. */
  | { state: 'busy'; wish: AskWish; by: Extract<AskResult, { outcome: 'busy' }> }
  | { state: 'answered'; wish: AskWish; asking: Asking }
  /** `asking` is what there was until then; null without an answer. */
  | { state: 'stopped'; wish: AskWish; asking: Asking | null }
  | { state: 'failed'; wish: AskWish; error: ErrorShape };

export const useChatStore = defineStore('chat', () => {
  const chat = shallowRef<ChatState>({ state: 'idle' });
  let controller: AbortController | null = null;

  async function ask(wish: AskWish): Promise<void> {
    if (chat.value.state === 'asking') return;
    const own = new AbortController();
    controller = own;
    let last: Asking | null = null;
    const tell = (asking: Asking): void => {
      last = asking;
      const now = chat.value;
      if (now.state === 'asking' && controller === own) chat.value = { ...now, asking };
    };
    chat.value = { state: 'asking', wish, asking: null, isStopping: false };
    const after = await useEngineStore()
      .connected()
      .call['chat.ask'](wish, { signal: own.signal, onProgress: tell })
      .then((result): ChatState => stateAfter(wish, result))
      .catch((error: unknown): ChatState => stateOfFailure(wish, last, AppError.from(error)));
    if (controller === own) chat.value = after; // else the page was left meanwhile
  }

  /** Ends the answers, with what was written so far in view. */
  function stop(): void {
    const now = chat.value;
    if (now.state === 'asking') chat.value = { ...now, isStopping: true };
    controller?.abort();
  }

  /** The page is left: nobody reads on. */
  function leave(): void {
    controller?.abort();
    controller = null;
    chat.value = { state: 'idle' };
  }

  return { chat, ask, stop, leave };
});

function stateAfter(wish: AskWish, result: AskResult): ChatState {
  return result.outcome === 'busy' ? { state: 'busy', wish, by: result } : { state: 'answered', wish, asking: result };
}

function stateOfFailure(wish: AskWish, asking: Asking | null, error: AppError): ChatState {
  return error.code === 'CANCELLED'
    ? { state: 'stopped', wish, asking }
    : { state: 'failed', wish, error: error.toShape() };
}
