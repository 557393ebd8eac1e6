// @vitest-environment node
// Asking both: where the answers differ, the settings as typed, and what the store makes of each outcome.
import fc from 'fast-check';
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { AskResult, Asking } from '../../src-main/contract/chat.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import { newAskDraft, readAskDraft } from '../../src-renderer/features/chat/ask-draft.ts';
import { differencesOf } from '../../src-renderer/features/chat/word-differences.ts';
import { useChatStore } from '../../src-renderer/stores/chat-store.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { fakeEngine } from './fake-engine.ts';

const wish = { run: 'r', question: 'Who?' };
const asking: Asking = {
  ...{ form: 'no template', together: true },
  original: { state: 'writing', text: 'Once', tokens: 1, tokensPerSecond: null },
  compressed: { state: 'waiting' },
};

beforeEach(() => setActivePinia(createPinia()));

describe('differences', () => {
  it('are the words that only one of them wrote', () => {
    const { one, other, sameStart, own, words } = differencesOf('the cat sat on a mat', 'the cat lay on a mat');
    expect(one).toEqual([
      { text: 'the cat', isOwn: false },
      { text: ' sat', isOwn: true },
      { text: ' on a mat', isOwn: false },
    ]);
    expect(other.filter(({ isOwn }) => isOwn)).toEqual([{ text: ' lay', isOwn: true }]);
    expect({ sameStart, own, words }).toEqual({ sameStart: 2, own: 2, words: 12 });
  });

  it('lose no character of either text, and are none between equal words', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', 'é'), maxLength: 60 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const { one, other, own } = differencesOf(a, b);
        const joined = (parts: typeof one): string => parts.map((part) => part.text).join('');
        if (a.trim() !== '') expect(joined(one)).toBe(a);
        if (b.trim() !== '') expect(joined(other)).toBe(b);
        const bare = (side: string): string => side.trim().split(/\s+/).join(' ');
        expect(own === 0).toBe(bare(a) === bare(b));
      }),
    );
  });

  it('of very long answers are found place by place behind a thousand words', () => {
    const long = Array.from({ length: 1500 }, (_, index) => `w${index}`);
    const other = long.with(1400, 'x').join(' ');
    expect(differencesOf(long.join(' '), other)).toMatchObject({ own: 2, sameStart: 1400 });
  });
});

describe('the settings', () => {
  it('are read as typed, or say what is wrong', () => {
    expect(readAskDraft(newAskDraft()).settings).toEqual({ tokens: 160, temperature: 0, seed: 42, asChat: true });
    expect(readAskDraft({ ...newAskDraft(), temperature: '0,7' }).settings?.temperature).toBe(0.7);
    const { settings, problems } = readAskDraft({ tokens: '0', temperature: '3', seed: 'x', asChat: true });
    expect(settings).toBeNull();
    expect(Object.keys(problems)).toEqual(['tokens', 'temperature', 'seed']);
    expect(readAskDraft({ ...newAskDraft(), tokens: '' }).problems).toHaveProperty('tokens');
  });
});

describe('the store', () => {
  async function storeOver(answer: (signal: AbortSignal, tell: (state: Asking) => void) => Promise<AskResult>) {
    const engine = fakeEngine({ 'chat.ask': (_request, { signal, progress }) => answer(signal, progress) });
    await useEngineStore().start(engine.open);
    return useChatStore();
  }

  it('has what is written so far, and what a stop left', async () => {
    const store = await storeOver((signal, tell) => {
      tell(asking);
      const { promise, reject } = Promise.withResolvers<AskResult>();
      signal.addEventListener('abort', () => reject(new AppError('CANCELLED', 'Cancelled.')));
      return promise;
    });
    const asked = store.ask(wish);
    await vi.waitFor(() => expect(store.chat).toMatchObject({ state: 'asking', asking }));
    store.stop();
    expect(store.chat).toMatchObject({ isStopping: true });
    await asked;
    expect(store.chat).toEqual({ state: 'stopped', wish, asking });
  });

  it('ends the answers of a page that is left, and forgets them', async () => {
    let isAborted = false;
    const store = await storeOver((signal) => {
      const { promise, reject } = Promise.withResolvers<AskResult>();
      signal.addEventListener('abort', () => {
        isAborted = true;
        reject(new AppError('CANCELLED', 'Cancelled.'));
      });
      return promise;
    });
    const asked = store.ask(wish);
    await vi.waitFor(() => expect(store.chat.state).toBe('asking'));
    store.leave();
    await asked;
    expect(isAborted).toBe(true);
    expect(store.chat).toEqual({ state: 'idle' });
  });

  it('asks the user where a run computes, and tells what failed', async () => {
    const busy = { outcome: 'busy', run: 'x', verb: 'fit', model: '/m.gguf', neededBytes: 5 } as const;
    const store = await storeOver(() => Promise.resolve(busy));
    await store.ask(wish);
    expect(store.chat).toEqual({ state: 'busy', wish, by: busy });
    setActivePinia(createPinia());
    const failing = await storeOver(() => Promise.reject(new AppError('USAGE', 'no such run')));
    await failing.ask(wish);
    expect(failing.chat).toMatchObject({ state: 'failed', error: { code: 'USAGE' } });
  });
});
