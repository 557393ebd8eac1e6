// How the window looks and speaks: kept on this machine, from the system until it is chosen.
import { defineStore } from 'pinia';
import { shallowRef, watchEffect } from 'vue';
import { languageFor, languages, speak, type Language } from '../words/words.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export const useSettingsStore = defineStore('settings', () => {
  const theme = shallowRef<Theme>(kept('theme', themes) ?? 'system');
  const language = shallowRef<Language>(
    kept('language', Object.keys(languages) as Language[]) ?? languageFor(navigator.languages),
  );

  watchEffect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
  // Before anything is drawn with the new words: components follow in the same tick.
  watchEffect(
    () => {
      speak(language.value);
      document.documentElement.lang = language.value;
    },
    { flush: 'sync' },
  );

  function setTheme(wanted: Theme): void {
    theme.value = wanted;
    localStorage.setItem('theme', wanted);
  }

  function setLanguage(wanted: Language): void {
    language.value = wanted;
    localStorage.setItem('language', wanted);
  }

  return { theme, language, setTheme, setLanguage };
});

/** What was kept under this name, where it is still among the choices. */
function kept<Choice extends string>(name: string, choices: readonly Choice[]): Choice | null {
  const text = localStorage.getItem(name);
  return choices.find((choice) => choice === text) ?? null;
}
