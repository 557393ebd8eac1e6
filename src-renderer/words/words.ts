// The words of the chosen language. Everything that is shown to people comes from here, and changes with the language at once.
// What the engine says (warnings, messages of errors) is English and is shown as it comes.
import { shallowReactive } from 'vue';
import { de } from './de.ts';
import { en, type Words } from './en.ts';

export type { Words };

/** A language is named in itself. */
export const languages = { en: { name: 'English', words: en }, de: { name: 'Deutsch', words: de } };
export type Language = keyof typeof languages;

const current = shallowReactive<Words>({ ...en });

/** Read a word where it is used (`words.frame.back`): what is taken out into a variable stays in its language. */
export function useWords(): Readonly<Words> {
  return current;
}

export function speak(language: Language): void {
  Object.assign(current, languages[language].words);
}

/** The first of the wanted languages that there are words for, else English. */
export function languageFor(wanted: readonly string[]): Language {
  const known = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in languages);
  return (known as Language | undefined) ?? 'en';
}
