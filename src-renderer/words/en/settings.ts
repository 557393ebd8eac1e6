// The settings screen.
export const settings = {
  title: 'Settings',
  appearance: 'Appearance',
  theme: 'Theme',
  themes: { system: 'Like the system', light: 'Light', dark: 'Dark' },
  useTheme: { system: 'Theme like the system', light: 'Light theme', dark: 'Dark theme' },
  language: 'Language',
  languageNote: 'Notes and messages of the engine stay English.',
  hub: {
    title: 'Hub token',
    note: 'For models that are private or ask you to agree first. It is kept encrypted by this system, given to the hub alone, and never shown again.',
    token: 'Token',
    keep: 'Keep',
    forget: 'Forget it',
    kept: 'A token is kept.',
    where: 'Where tokens are made…',
    obstacle: 'This system cannot keep secrets, so a token is taken from the environment variable HF_TOKEN alone.',
  },
};
