// Shortcuts as text: keys joined by +, Mod for Ctrl (⌘ on a Mac), the last one as in KeyboardEvent.key.

/** What of a keyboard event decides; the DOM's own event has more. */
export type KeyPress = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

export const isMac = (): boolean => navigator.platform.startsWith('Mac');

export function isPressed(shortcut: string, press: KeyPress, onMac: boolean): boolean {
  const parts = shortcut.split('+');
  const key = parts.at(-1)!;
  const [mod, other] = onMac ? [press.metaKey, press.ctrlKey] : [press.ctrlKey, press.metaKey];
  return (
    press.key.toLowerCase() === key.toLowerCase() &&
    mod === parts.includes('Mod') &&
    press.shiftKey === parts.includes('Shift') &&
    !other &&
    !press.altKey
  );
}

/** The keys one by one, as they stand on a keyboard. */
export function keysOf(shortcut: string, onMac: boolean): string[] {
  const names: Record<string, string> = onMac
    ? { Mod: '⌘', Shift: '⇧', Enter: '↩', Escape: 'esc' }
    : { Mod: 'Ctrl', Escape: 'Esc' };
  return shortcut.split('+').map((key) => names[key] ?? key);
}

const typing = 'input:not([type=radio],[type=checkbox],[type=range],[type=button]), textarea, [contenteditable]';
/** Elements that do something with single keys themselves. */
const keyed = `${typing}, select, [role=combobox], [role=menu]`;
const pressed = 'button, a, summary, [role=button]';

/**
 * Whether a shortcut may act while this element has the focus: keys belong to fields first. An open dialog has all of them,
 * also while nothing in it has the focus.
 */
export function mayAct(shortcut: string, focused: Element | null, isDialogOpen: boolean): boolean {
  if (isDialogOpen) return false;
  if (focused === null) return true;
  if (shortcut.startsWith('Mod+')) return true;
  if (shortcut === 'Enter' && focused.closest(pressed)) return false;
  return !focused.closest(keyed);
}
