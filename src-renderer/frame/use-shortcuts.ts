// The keyboard: a key that is a command's shortcut runs it, unless what has the focus needs the key itself.
import { onMounted, onUnmounted } from 'vue';
import { useCommandsStore } from '../stores/commands-store.ts';
import { isMac, isPressed, mayAct } from './shortcuts.ts';

export function useShortcuts(): void {
  const store = useCommandsStore();

  function press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.repeat) return;
    const command = store.commands.find(({ shortcut }) => shortcut && isPressed(shortcut, event, isMac()));
    const isDialogOpen = document.querySelector('[role=dialog]') !== null;
    if (!command?.shortcut || !mayAct(command.shortcut, document.activeElement, isDialogOpen)) return;
    event.preventDefault();
    void command.run();
  }

  onMounted(() => window.addEventListener('keydown', press));
  onUnmounted(() => window.removeEventListener('keydown', press));
}
