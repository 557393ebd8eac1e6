// The settings screen.
export const settings = {
  title: 'Settings',
  appearance: 'Appearance',
  theme: 'Theme',
  themes: { system: 'Like the system', light: 'Light', dark: 'Dark' },
  useTheme: { system: 'Theme like the system', light: 'Light theme', dark: 'Dark theme' },
  language: 'Language',
  languageNote: 'Notes and messages of the engine stay English.',
};
