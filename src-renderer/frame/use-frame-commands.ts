// The commands that are there on every screen: areas, the way back, colours, languages.
import { useCommands } from '../stores/commands-store.ts';
import { useNavigationStore } from '../stores/navigation-store.ts';
import { themes, useSettingsStore } from '../stores/settings-store.ts';
import { languages, useWords, type Language } from '../words/words.ts';
import { areas } from './areas.ts';

export function useFrameCommands(openPalette: () => void): void {
  const words = useWords();
  const navigation = useNavigationStore();
  const settings = useSettingsStore();

  useCommands(() => [
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
