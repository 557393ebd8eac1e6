// What is said for a moment: that something was copied, beside the button that did it.
import { onScopeDispose, shallowRef, type ShallowRef } from 'vue';

/** Long enough to be read, short enough that the button can be used again. */
const stayMs = 4000;

export interface Passing<T> {
  now: Readonly<ShallowRef<T>>;
  /** Says it, from now on for a few seconds. */
  say: (what: T) => void;
}

export function usePassing<T>(rest: T): Passing<T> {
  const now = shallowRef(rest);
  let timer: ReturnType<typeof setTimeout> | undefined;

  function say(what: T): void {
    clearTimeout(timer);
    now.value = what;
    timer = setTimeout(() => (now.value = rest), stayMs);
  }

  onScopeDispose(() => clearTimeout(timer));
  return { now, say };
}
