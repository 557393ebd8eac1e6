// Everything that can be done right now, with its shortcut: the palette lists it, the keyboard runs it.
import { defineStore } from 'pinia';
import { computed, onScopeDispose, shallowReactive } from 'vue';

export interface Command {
  id: string;
  title: string;
  /** As in frame/shortcuts.ts: `1`, `Mod+K`, `Escape`. */
  shortcut?: string;
  run: () => unknown;
}

type Source = () => readonly Command[];

export const useCommandsStore = defineStore('commands', () => {
  const sources = shallowReactive(new Set<Source>());
  /** What was offered last comes first: the screen's own commands before the frame's, and in place of those with the same id. */
  const commands = computed(() => {
    const offered = [...sources].reverse().flatMap((source) => source());
    return offered.filter(({ id }, index) => offered.findIndex((other) => other.id === id) === index);
  });

  /** Offers commands until the function that is returned is called. */
  function offer(source: Source): () => void {
    sources.add(source);
    return () => void sources.delete(source);
  }

  return { commands, offer };
});

/** Offers commands for as long as the component lives. `source` is asked again when what it reads changes. */
export function useCommands(source: Source): void {
  onScopeDispose(useCommandsStore().offer(source));
}
