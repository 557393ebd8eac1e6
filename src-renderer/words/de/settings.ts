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
  hub: {
    title: 'Token des Hubs',
    note: 'Für Modelle, die privat sind oder erst eine Zustimmung verlangen. Das System bewahrt es verschlüsselt auf; nur der Hub bekommt es, und es wird nie wieder angezeigt.',
    token: 'Token',
    keep: 'Aufbewahren',
    forget: 'Vergessen',
    kept: 'Ein Token ist aufbewahrt.',
    where: 'Wo es Token gibt …',
    obstacle:
      'Dieses System kann keine Geheimnisse aufbewahren; ein Token wird nur aus der Umgebungsvariablen HF_TOKEN genommen.',
  },
};
