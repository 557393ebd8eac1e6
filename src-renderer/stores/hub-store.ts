// What was looked for on the hub. Asked only when the user says so; kept while another screen is looked at.
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type { HubChoice, HubRepository } from '../../src-main/contract/hub-search.ts';
import { useEngineStore } from './engine-store.ts';

export type HubSearchState =
  | { state: 'none' }
  | { state: 'searching'; words: string }
  | { state: 'found'; words: string; repositories: readonly HubRepository[] }
  | { state: 'failed'; words: string; error: ErrorShape };

/** The models of the repository that is looked into. */
export type HubListing = { repository: string } & (
  | { state: 'listing' }
  | { state: 'listed'; choices: readonly HubChoice[] }
  | { state: 'failed'; error: ErrorShape }
);

export const useHubStore = defineStore('hub', () => {
  const text = shallowRef('');
  const search = shallowRef<HubSearchState>({ state: 'none' });
  const listing = shallowRef<HubListing | null>(null);
  let searching = new AbortController();

  /** Looks for repositories; a search before it is given up. */
  async function find(words: string): Promise<void> {
    searching.abort();
    searching = new AbortController();
    const { signal } = searching;
    const asked: HubSearchState = { state: 'searching', words };
    search.value = asked;
    listing.value = null;
    const answer = await useEngineStore()
      .connected()
      .call['hub.search']({ words }, { signal })
      .then(({ repositories }): HubSearchState => ({ state: 'found', words, repositories }))
      .catch((error: unknown): HubSearchState => ({ state: 'failed', words, error: AppError.from(error).toShape() }));
    if (search.value === asked) search.value = answer;
  }

  function stop(): void {
    searching.abort();
    search.value = { state: 'none' };
    listing.value = null;
  }

  /** Lists the models of a repository, or (the one that is open) closes it. Answers with the only one there is. */
  async function look(repository: string): Promise<HubChoice | null> {
    if (listing.value?.repository === repository && listing.value.state !== 'failed') {
      listing.value = null;
      return null;
    }
    const asked: HubListing = { repository, state: 'listing' };
    listing.value = asked;
    const answer = await useEngineStore()
      .connected()
      .call['hub.files']({ repository })
      .then(({ choices }): HubListing => ({ repository, state: 'listed', choices }))
      .catch((error: unknown): HubListing => ({ repository, state: 'failed', error: AppError.from(error).toShape() }));
    if (listing.value !== asked) return null; // another one was looked into meanwhile
    listing.value = answer;
    return answer.state === 'listed' && answer.choices.length === 1 ? answer.choices[0]! : null;
  }

  return { text, search, listing, find, stop, look };
});
