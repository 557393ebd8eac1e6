// Where the focus goes when the button that had it is gone: to what is told in its place, else back to where it was before.
import { nextTick, useTemplateRef, watch, type WatchSource } from 'vue';

/**
 * Of elements with `ref="panel"` and, inside, `ref="outcome"`, which needs tabindex="-1" and is there only while it tells something.
 * `changes` are all that may take a button away.
 */
export function useKeptFocus(changes: WatchSource[]): { remember: (event: FocusEvent) => void } {
  const panel = useTemplateRef<HTMLElement>('panel');
  const outcome = useTemplateRef<HTMLElement>('outcome');
  /** What had the focus last, the outcome's own buttons left out: they go with it. */
  let last: HTMLElement | null = null;

  watch(changes, async () => {
    const hadFocus = panel.value?.contains(document.activeElement) ?? false;
    await nextTick();
    if (!hadFocus || panel.value?.contains(document.activeElement)) return;
    const before = last?.isConnected ? last : panel.value?.querySelector('button');
    (outcome.value ?? before)?.focus();
  });

  return {
    remember: ({ target }) => {
      if (target instanceof HTMLElement && !outcome.value?.contains(target)) last = target;
    },
  };
}
