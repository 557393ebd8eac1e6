// Quantisations of the open model that others published: looked for only when the user asks.
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type { PublishedModel } from '../../src-main/contract/hub-search.ts';
import { useEngineStore } from './engine-store.ts';

/** `repository`: whose model it is. */
export type PublishedSearch = { repository: string } & (
  | { state: 'looking' }
  | { state: 'found'; models: readonly PublishedModel[] }
  | { state: 'failed'; error: ErrorShape }
);

export const usePublishedStore = defineStore('published', () => {
  const search = shallowRef<PublishedSearch | null>(null);
  let looking = new AbortController();

  async function look(repository: string): Promise<void> {
    looking.abort();
    looking = new AbortController();
    const { signal } = looking;
    const asked: PublishedSearch = { repository, state: 'looking' };
    search.value = asked;
    const answer = await useEngineStore()
      .connected()
      .call['hub.published']({ repository }, { signal })
      .then(({ models }): PublishedSearch => ({ repository, state: 'found', models }))
      .catch((error: unknown): PublishedSearch => ({
        repository,
        state: 'failed',
        error: AppError.from(error).toShape(),
      }));
    if (search.value === asked) search.value = answer;
  }

  function stop(): void {
    looking.abort();
    search.value = null;
  }

  return { search, look, stop };
});
