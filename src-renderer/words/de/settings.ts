// Die Einstellungen.
import type { Words } from '../en.ts';

export const settings: Words['settings'] = {
  title: 'Einstellungen',
  appearance: 'Aussehen',
  theme: 'Farben',
  themes: { system: 'Wie das System', light: 'Hell', dark: 'Dunkel' },
  useTheme: { system: 'Farben wie das System', light: 'Helle Farben', dark: 'Dunkle Farben' },
  language: 'Sprache',
  languageNote: 'Hinweise und Meldungen der Engine bleiben englisch.',
};
