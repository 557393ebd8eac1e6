// The keyboard of a long table: one row is active, keys move it, the focus stays on the table (aria-activedescendant).
import { shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import type { KeyPress } from '../../frame/shortcuts.ts';

type Press = KeyPress & Pick<KeyboardEvent, 'preventDefault'>;

export interface GridActions {
  count: Ref<number>;
  /** Rows of a page up or down. */
  pageRows: () => number;
  show: (index: number) => void;
  open: (index: number) => void;
  toggle: (index: number) => void;
  remove: (index: number) => void;
  menu: (index: number) => void;
  /** Takes the selection back; false where there is none. */
  clear: () => boolean;
}

export interface GridKeys {
  active: ShallowRef<number>;
  press: (event: Press) => void;
}

export function useGridKeys(actions: GridActions): GridKeys {
  const active = shallowRef(0);
  const { count } = actions;
  watch(count, (rows) => (active.value = Math.max(0, Math.min(active.value, rows - 1))));

  function move(to: number): void {
    active.value = Math.max(0, Math.min(count.value - 1, to));
    actions.show(active.value);
  }

  const moves: Record<string, () => number> = {
    ArrowDown: () => active.value + 1,
    ArrowUp: () => active.value - 1,
    PageDown: () => active.value + actions.pageRows(),
    PageUp: () => active.value - actions.pageRows(),
    Home: () => 0,
    End: () => count.value - 1,
  };
  const acts: Record<string, (index: number) => void> = {
    Enter: actions.open,
    ' ': actions.toggle,
    Delete: actions.remove,
    ContextMenu: actions.menu,
  };

  function press(event: Press): void {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || count.value === 0) return;
    if (key === 'Escape') {
      if (actions.clear()) event.preventDefault();
      return;
    }
    const to = moves[key];
    const act = key === 'F10' && shiftKey ? actions.menu : acts[key];
    if (to === undefined && act === undefined) return;
    event.preventDefault();
    if (to === undefined) return act!(active.value);
    // Shift takes along what it leaves and what it comes to.
    const from = active.value;
    move(to());
    if (shiftKey && active.value !== from) actions.toggle(active.value);
  }

  return { active, press };
}
