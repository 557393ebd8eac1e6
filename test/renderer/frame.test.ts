// @vitest-environment node
// The frame's rules: which keys are a shortcut, when they may act, where "back" leads, which commands there are.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';
import { nextTick } from 'vue';
import { AppError } from '../../src-main/contract/errors.ts';
import { droppedModel } from '../../src-renderer/features/model/dropped-model.ts';
import { isPressed, keysOf, mayAct, type KeyPress } from '../../src-renderer/frame/shortcuts.ts';
import { useCommandsStore } from '../../src-renderer/stores/commands-store.ts';
import { useNoticeStore } from '../../src-renderer/stores/notice-store.ts';
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
    expect(mayAct('1', null, false)).toBe(true);
    expect(mayAct('1', focused('textarea'), false)).toBe(false);
    expect(mayAct('Mod+K', focused('textarea'), false)).toBe(true);
    expect(mayAct('Enter', focused('button'), false)).toBe(false);
    expect(mayAct('1', focused('button'), false)).toBe(true);
    expect(mayAct('Mod+K', focused('button'), true)).toBe(false);
    expect(mayAct('Escape', null, true)).toBe(false); // the focus of a button that was disabled is nowhere
  });
});

describe('navigation', () => {
  it('leaves what is open in an area without a way back into it', () => {
    const navigation = useNavigationStore();
    navigation.go('models');
    navigation.go('history');
    navigation.go('history', { compare: ['a', 'b'] });
    navigation.leaveTo('history');
    expect(navigation).toMatchObject({ area: 'history', params: {} });
    navigation.back();
    expect(navigation.area).toBe('models');
    navigation.go('history', { run: 'a' }); // by a link from elsewhere
    navigation.leaveTo('history');
    navigation.back();
    expect(navigation.area).toBe('models');
  });

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

describe('a drop on the window', () => {
  const file = (path: string) => ({ path, isFolder: false });

  it('is one model', () => {
    expect(droppedModel([file('/m/a.GGUF')])).toEqual({ path: '/m/a.GGUF' });
    expect(droppedModel([file('/m/config.json')])).toEqual({ path: '/m/config.json' });
    expect(droppedModel([{ path: '/m', isFolder: true }])).toEqual({ path: '/m' });
    expect(droppedModel([file(''), file('/m/a.onnx')])).toEqual({ path: '/m/a.onnx' });
  });

  it('opens nothing where it is no model, or several files', () => {
    expect(droppedModel([file('/m/notes.txt')])).toEqual({ refused: 'kind' });
    expect(droppedModel([file('/m/a.gguf'), file('/m/b.gguf')])).toEqual({ refused: 'several' });
    expect(droppedModel([file('')])).toBeNull(); // text of another program
  });
});

describe('a notice', () => {
  it('says what did not happen, until it is closed or another area is gone to', async () => {
    const notices = useNoticeStore();
    notices.tellError(new AppError('NOT_WRITABLE', 'There is no folder /x.').toShape());
    expect(notices.notice).toMatchObject({ message: 'There is no folder /x.', advice: 'Choose another folder.' });
    useNavigationStore().go('runs');
    await nextTick();
    expect(notices.notice).toBeNull();
  });
});

describe('commands', () => {
  it('are those of the parts that offer them now', () => {
    const store = useCommandsStore();
    const withdraw = store.offer(() => [{ id: 'a', title: 'A', run: () => {} }]);
    store.offer(() => [{ id: 'b', title: 'B', run: () => {} }]);
    expect(store.commands.map(({ id }) => id)).toEqual(['b', 'a']);
    const giveBack = store.offer(() => [{ id: 'a', title: 'A here', run: () => {} }]);
    expect(store.commands.map(({ title }) => title)).toEqual(['A here', 'B']);
    giveBack();
    withdraw();
    expect(store.commands.map(({ id }) => id)).toEqual(['b']);
  });
});
