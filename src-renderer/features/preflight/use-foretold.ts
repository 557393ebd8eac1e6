// What a run would take, followed while its settings change: asked once they pause, and only the newest answer counts.
import { shallowRef, watch, type ShallowRef } from 'vue';
import { askPreflight, type Answer } from './ask-preflight.ts';
import type { Wish } from './use-asked-start.ts';

const pauseMs = 300;

/** null where nothing is wanted. */
export function useForetold(wanted: () => Wish['recipe'] | null): Readonly<ShallowRef<Answer | null>> {
  const answer = shallowRef<Answer | null>(null);
  watch(
    () => JSON.stringify(wanted()),
    (_now, _before, onCleanup) => {
      const recipe = wanted();
      answer.value = recipe && { state: 'asking' };
      if (recipe === null) return;
      const outdated = new AbortController();
      const ask = async (): Promise<void> => {
        const told = await askPreflight(recipe, { signal: outdated.signal, isOutputOpen: true });
        if (!outdated.signal.aborted) answer.value = told;
      };
      const timer = setTimeout(() => void ask(), pauseMs);
      onCleanup(() => {
        clearTimeout(timer);
        outdated.abort();
      });
    },
    { immediate: true },
  );
  return answer;
}
