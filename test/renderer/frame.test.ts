// @vitest-environment node
// The frame's rules: which keys are a shortcut, when they may act, where "back" leads, which commands there are.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';
import { isPressed, keysOf, mayAct, type KeyPress } from '../../src-renderer/frame/shortcuts.ts';
import { useCommandsStore } from '../../src-renderer/stores/commands-store.ts';
import { useNavigationStore } from '../../src-renderer/stores/navigation-store.ts';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

/** An element that answers `closest` for these selectors only. */
const focused = (...matching: string[]): Element =>
  ({
    closest: (selector: string) => (matching.some((part) => selector.split(', ').includes(part)) ? {} : null),
  }) as unknown as Element;

beforeEach(() => setActivePinia(createPinia()));

describe('shortcuts', () => {
  it('are their keys and no others', () => {
    expect(isPressed('1', press('1'), false)).toBe(true);
    expect(isPressed('1', press('1', { ctrlKey: true }), false)).toBe(false);
    expect(isPressed('1', press('1', { altKey: true }), false)).toBe(false);
    expect(isPressed('Mod+K', press('k', { ctrlKey: true }), false)).toBe(true);
    expect(isPressed('Mod+K', press('k', { metaKey: true }), false)).toBe(false);
    expect(isPressed('Mod+K', press('k', { metaKey: true }), true)).toBe(true);
    expect(isPressed('Mod+K', press('K', { ctrlKey: true, shiftKey: true }), false)).toBe(false);
  });

  it('are shown as the keyboard has them', () => {
    expect(keysOf('Mod+Shift+K', false)).toEqual(['Ctrl', 'Shift', 'K']);
    expect(keysOf('Mod+Shift+K', true)).toEqual(['⌘', '⇧', 'K']);
  });

  it('leave single keys to fields, Enter to buttons, and everything to dialogs', () => {
    expect(mayAct('1', null)).toBe(true);
    expect(mayAct('1', focused('textarea'))).toBe(false);
    expect(mayAct('Mod+K', focused('textarea'))).toBe(true);
    expect(mayAct('Enter', focused('button'))).toBe(false);
    expect(mayAct('1', focused('button'))).toBe(true);
    expect(mayAct('Mod+K', focused('[role=dialog]'))).toBe(false);
  });
});

describe('navigation', () => {
  it('goes back the way it came, and no further', () => {
    const navigation = useNavigationStore();
    navigation.go('runs', { run: 'a' });
    navigation.go('runs', { run: 'a' }); // already there
    navigation.go('settings');
    navigation.back();
    expect(navigation).toMatchObject({ area: 'runs', params: { run: 'a' }, canGoBack: true });
    navigation.back();
    navigation.back();
    expect(navigation).toMatchObject({ area: 'fit', params: {}, canGoBack: false });
  });
});

describe('commands', () => {
  it('are those of the parts that offer them now', () => {
    const store = useCommandsStore();
    const withdraw = store.offer(() => [{ id: 'a', title: 'A', run: () => {} }]);
    store.offer(() => [{ id: 'b', title: 'B', run: () => {} }]);
    expect(store.commands.map(({ id }) => id)).toEqual(['b', 'a']);
    withdraw();
    expect(store.commands.map(({ id }) => id)).toEqual(['b']);
  });
});
