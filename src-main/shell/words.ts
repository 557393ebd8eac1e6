// Every text that the shell itself shows. They are here and not in the page's catalogue because the shell speaks before there
// is a page, when the page has crashed, and while the window is hidden. The page tells the language (setLanguage).
import type { ShellLanguage } from '../contract/window-app.ts';

const english = {
  file: 'File',
  openModel: 'Open Model…',
  openFolder: 'Open Model Folder…',
  openRecent: 'Open Recent',
  clearRecent: 'Clear Menu',
  settings: 'Settings…',
  edit: 'Edit',
  view: 'View',
  fit: 'Fit',
  runs: 'Runs',
  history: 'History',
  models: 'Models',
  studies: 'Studies',
  palette: 'All Commands…',
  window: 'Window',
  help: 'Help',
  paper: 'The Method: SliceGPT (arXiv)',
  llama: 'llama.cpp',
  hub: 'Models on Hugging Face',
  licences: 'Licences',
  chooseModel: 'Open a model',
  chooseModelFolder: 'Open the folder of a model',
  chooseFolder: 'Choose a folder',
  chooseTexts: 'Choose texts',
  chooseOutput: 'Where to write the new model',
  save: 'Save',
  modelFiles: 'Models',
  textFiles: 'Texts',
  allFiles: 'All files',
  runGoesOn: 'A run is going on.',
  runGoesOnDetail:
    'It can go on without the window: Snug then stays in the background, and tells you when it is done. Stopped, it can be resumed later; nothing half-written stays behind.',
  keepRunning: 'Keep running',
  stopAndClose: 'Stop and close',
  stay: 'Stay',
  show: 'Show Snug',
  stopAndQuit: 'Stop the run and quit',
  quit: 'Quit Snug',
  nothingRuns: 'Nothing is running',
  running: (name: string, percent: string) => `${name}: ${percent}`,
  done: (name: string) => `${name} is done`,
  failed: (name: string) => `${name} failed`,
  doneDetail: 'Open Snug to see the result.',
  pageCrashed: 'The window crashed and was opened again.',
  pageCrashedDetail: (reason: string) => `Its process ended (${reason}). What was running goes on.`,
  pageKeepsCrashing: 'The window keeps crashing.',
  tryAgain: 'Try again',
  graphicsCrashed: 'The graphics process crashed and was started again.',
  graphicsCrashedDetail: (reason: string) => `It ended (${reason}). Runs are not touched by it.`,
  pageHangs: 'The window does not answer.',
  pageHangsDetail: 'What is running goes on either way.',
  wait: 'Wait',
  reload: 'Open it again',
  ok: 'OK',
  noKeyStore:
    'This system has no key store (such as GNOME Keyring or KWallet), so the token would lie on the disk unprotected. Set HF_TOKEN instead.',
};
export type Words = typeof english;

const german: Words = {
  file: 'Datei',
  openModel: 'Modell öffnen …',
  openFolder: 'Modellordner öffnen …',
  openRecent: 'Zuletzt geöffnet',
  clearRecent: 'Liste leeren',
  settings: 'Einstellungen …',
  edit: 'Bearbeiten',
  view: 'Ansicht',
  fit: 'Anpassen',
  runs: 'Läufe',
  history: 'Verlauf',
  models: 'Modelle',
  studies: 'Studien',
  palette: 'Alle Befehle …',
  window: 'Fenster',
  help: 'Hilfe',
  paper: 'Das Verfahren: SliceGPT (arXiv)',
  llama: 'llama.cpp',
  hub: 'Modelle auf Hugging Face',
  licences: 'Lizenzen',
  chooseModel: 'Modell öffnen',
  chooseModelFolder: 'Ordner eines Modells öffnen',
  chooseFolder: 'Ordner wählen',
  chooseTexts: 'Texte wählen',
  chooseOutput: 'Wohin das neue Modell geschrieben wird',
  save: 'Speichern',
  modelFiles: 'Modelle',
  textFiles: 'Texte',
  allFiles: 'Alle Dateien',
  runGoesOn: 'Ein Lauf ist im Gange.',
  runGoesOnDetail:
    'Er kann ohne Fenster weitergehen: Snug bleibt dann im Hintergrund und meldet sich, wenn er fertig ist. Angehalten kann er später fortgesetzt werden; nichts halb Geschriebenes bleibt zurück.',
  keepRunning: 'Weiterlaufen lassen',
  stopAndClose: 'Anhalten und schließen',
  stay: 'Bleiben',
  show: 'Snug zeigen',
  stopAndQuit: 'Lauf anhalten und beenden',
  quit: 'Snug beenden',
  nothingRuns: 'Es läuft nichts',
  running: (name, percent) => `${name}: ${percent}`,
  done: (name) => `${name} ist fertig`,
  failed: (name) => `${name} ist gescheitert`,
  doneDetail: 'Öffne Snug, um das Ergebnis zu sehen.',
  pageCrashed: 'Das Fenster ist abgestürzt und wurde neu geöffnet.',
  pageCrashedDetail: (reason) => `Sein Prozess endete (${reason}). Was lief, läuft weiter.`,
  pageKeepsCrashing: 'Das Fenster stürzt immer wieder ab.',
  tryAgain: 'Noch einmal',
  graphicsCrashed: 'Der Grafikprozess ist abgestürzt und wurde neu gestartet.',
  graphicsCrashedDetail: (reason) => `Er endete (${reason}). Läufe sind davon nicht betroffen.`,
  pageHangs: 'Das Fenster antwortet nicht.',
  pageHangsDetail: 'Was läuft, läuft in jedem Fall weiter.',
  wait: 'Warten',
  reload: 'Neu öffnen',
  ok: 'OK',
  noKeyStore:
    'Dieses System hat keinen Schlüsselspeicher (etwa GNOME Keyring oder KWallet); das Token läge ungeschützt auf der Platte. Setze stattdessen HF_TOKEN.',
};

const catalogue: Record<ShellLanguage, Words> = { en: english, de: german };

let language: ShellLanguage = 'en';

export function speak(wanted: ShellLanguage): void {
  language = wanted;
}

/** The texts in the language of now; ask anew for each use. */
export function words(): Words {
  return catalogue[language];
}

/** The first language of the user that the shell knows. */
export function preferredLanguage(systemLanguages: readonly string[]): ShellLanguage {
  const known = systemLanguages.map((tag) => tag.toLowerCase().split('-')[0]);
  return known.find((tag) => tag === 'en' || tag === 'de') === 'de' ? 'de' : 'en';
}
