// What the page may ask of the shell: `window.app`, put there by the preload. Everything else goes to the engine,
// whose port arrives as a window message `{ port: 'engine' }` after startEngine().

import type { ErrorShape } from './errors.ts';

/** Why the engine is gone. */
export interface EngineExit {
  /** What happened: `signal SIGKILL`, `exit code 1`, `spawn … ENOENT`. */
  reason: string;
  /** What to do about it, where the shell can tell. */
  advice: string | null;
  /** The last lines that it wrote. */
  log: string;
}

/** What the menu asks the page to do. */
export const menuCommands = [
  'open-model',
  'open-folder',
  'show-settings',
  'show-palette',
  'show-fit',
  'show-runs',
  'show-history',
  'show-models',
  'show-studies',
] as const;
export type MenuCommand = (typeof menuCommands)[number];

/** Languages in which the shell knows its menu, dialogs and notifications. */
export const shellLanguages = ['en', 'de'] as const;
export type ShellLanguage = (typeof shellLanguages)[number];

/** Pages that the user's browser may be sent to; nothing else is ever opened. */
export const externalLinks = {
  paper: 'https://arxiv.org/abs/2401.15024',
  'llama.cpp': 'https://github.com/ggml-org/llama.cpp',
  hub: 'https://huggingface.co/models?library=gguf',
  tokens: 'https://huggingface.co/settings/tokens',
} as const;
export type ExternalLink = keyof typeof externalLinks;

/** What is kept encrypted by the operating system's key. */
export const secretNames = ['hubToken'] as const;
export type SecretName = (typeof secretNames)[number];

/** Secrets go in and are never given out to the page again; the engine is told them by the shell. */
export interface Secrets {
  /** Why this system cannot keep secrets (it has no key store), or null where it can. */
  obstacle: () => Promise<string | null>;
  /** Keeps a secret. Fails where `obstacle` tells one: nothing is ever stored as plain text. */
  set: (name: SecretName, value: string) => Promise<void>;
  has: (name: SecretName) => Promise<boolean>;
  clear: (name: SecretName) => Promise<void>;
}

/** `DroppedFile` is the DOM's File, which this room does not know. */
export interface WindowApp<DroppedFile> {
  /** Connects to the engine, which is started where none runs (a reloaded page finds its runs again); the port follows as a window message. */
  startEngine: () => Promise<void>;
  onEngineExit: (listener: (exit: EngineExit) => void) => void;
  /**
   * A model to open, from a file association, a deep link, or a second start: a .gguf file's absolute path or a `hub:` address.
   * One that came before the page listened is given at once. One listener; it waits for the engine itself.
   */
  onOpenModel: (listener: (model: string) => void) => void;
  /** A menu entry was chosen. One listener. */
  onCommand: (listener: (command: MenuCommand) => void) => void;
  /** Something that the page asked the shell for did not work; what was asked answers null then. One listener. */
  onFailure: (listener: (error: ErrorShape) => void) => void;
  /** Asks for a model file; null where the user backs out. */
  chooseModel: () => Promise<string | null>;
  /** Asks for a model's folder (config.json and safetensors). */
  chooseModelFolder: () => Promise<string | null>;
  /** Asks for any folder. */
  chooseFolder: () => Promise<string | null>;
  /** Asks for text files, several at once; none where the user backs out. */
  chooseTexts: () => Promise<string[]>;
  /** Asks where to write; the dialog itself asks before it replaces a file. */
  chooseOutput: (suggestedPath: string) => Promise<string | null>;
  /** Asks where, and writes the text there (a report, a table); answers with the path, null where nothing was written. */
  saveText: (suggestedName: string, text: string) => Promise<string | null>;
  /** Asks where, and prints the page there as PDF; answers with the path, null where nothing was written. */
  savePdf: (suggestedName: string) => Promise<string | null>;
  pathOfDroppedFile: (file: DroppedFile) => string;
  /** Shows a file in the system's file manager; one that is gone is a failure that is told. */
  showInFolder: (path: string) => Promise<void>;
  copyText: (text: string) => Promise<void>;
  openLink: (link: ExternalLink) => Promise<void>;
  /** Puts an opened model on the system's list of recent documents (macOS, Windows). */
  noteRecent: (path: string) => Promise<void>;
  /** The language of menu, dialogs and notifications, from now on and at the next start. */
  setLanguage: (language: ShellLanguage) => Promise<void>;
  secrets: Secrets;
  /** How the engine is started, for people and for problem reports. */
  launcher: () => Promise<{ mode: string; program: string }>;
}
