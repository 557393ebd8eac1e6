// What the shell tells the page, and the page the shell: models that come from outside, menu entries, failures, the language.
import { watch, watchEffect, type Ref } from 'vue';
import type { MenuCommand } from '../../src-main/contract/window-app.ts';
import { useFitStore } from '../stores/fit-store.ts';
import { useNoticeStore } from '../stores/notice-store.ts';
import { useNavigationStore, type AreaId } from '../stores/navigation-store.ts';
import { useSettingsStore } from '../stores/settings-store.ts';
import { areas } from './areas.ts';

/** `isReady`: the engine answers; a model that came before waits for it. */
export function useShell(isReady: Readonly<Ref<boolean>>, openPalette: () => void): void {
  const fit = useFitStore();
  const navigation = useNavigationStore();
  const settings = useSettingsStore();

  const whenReady = (action: () => void): void => {
    const stop = watch(
      isReady,
      (ready) => {
        if (!ready) return;
        queueMicrotask(() => stop());
        action();
      },
      { immediate: true },
    );
  };
  const openHere = (open: () => Promise<unknown>): void =>
    whenReady(() => {
      navigation.go('fit');
      void open();
    });

  window.app.onOpenModel((model) => openHere(() => fit.open(model)));
  const commands: Partial<Record<MenuCommand, () => void>> = {
    'open-model': () => openHere(fit.choose),
    'open-folder': () => openHere(fit.chooseFolder),
    'show-palette': openPalette,
  };
  window.app.onCommand((command) => {
    const run = commands[command];
    if (run) return run();
    const area = command.replace(/^show-/, '') as AreaId;
    if (areas.some(({ id }) => id === area)) navigation.go(area);
  });
  window.app.onFailure(useNoticeStore().tellError);
  watchEffect(() => void window.app.setLanguage(settings.language));
}
