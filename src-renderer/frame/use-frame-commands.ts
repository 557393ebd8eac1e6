// The commands that are there on every screen: opening a model, areas, the way back, colours, languages.
import { useCommands } from '../stores/commands-store.ts';
import { useEngineStore } from '../stores/engine-store.ts';
import { useFitStore } from '../stores/fit-store.ts';
import { useNavigationStore } from '../stores/navigation-store.ts';
import { themes, useSettingsStore } from '../stores/settings-store.ts';
import { languages, useWords, type Language } from '../words/words.ts';
import { areas } from './areas.ts';

export function useFrameCommands(openPalette: () => void): void {
  const words = useWords();
  const navigation = useNavigationStore();
  const settings = useSettingsStore();
  const engine = useEngineStore();
  const fit = useFitStore();

  const openInFit = (choose: () => Promise<void>) => (): void => {
    navigation.go('fit');
    void choose();
  };

  useCommands(() => [
    ...(engine.status.state === 'ready'
      ? [
          { id: 'open-model', title: words.model.start.open, shortcut: 'Mod+O', run: openInFit(fit.choose) },
          {
            id: 'open-folder',
            title: words.model.start.openFolder,
            shortcut: 'Mod+Shift+O',
            run: openInFit(fit.chooseFolder),
          },
        ]
      : []),
    ...areas.map(({ id, shortcut }) => ({
      id: `go-${id}`,
      title: words.frame.goTo(words.frame.areas[id]),
      shortcut,
      run: () => navigation.go(id),
    })),
    ...(navigation.canGoBack
      ? [{ id: 'back', title: words.frame.back, shortcut: 'Escape', run: () => navigation.back() }]
      : []),
    { id: 'palette', title: words.frame.palette.open, shortcut: 'Mod+K', run: openPalette },
    ...themes.map((theme) => ({
      id: `theme-${theme}`,
      title: words.settings.useTheme[theme],
      run: () => settings.setTheme(theme),
    })),
    ...Object.entries(languages).map(([language, { name }]) => ({
      id: `language-${language}`,
      title: `${words.settings.language}: ${name}`,
      run: () => settings.setLanguage(language as Language),
    })),
  ]);
}
