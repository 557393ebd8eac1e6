// What the page may ask of the shell: `window.app`, put there by the preload. Everything else goes to the engine,
// whose port arrives as a window message `{ port: 'engine' }` after startEngine().

/** Why the engine is gone. */
export interface EngineExit {
  /** What happened: `signal SIGKILL`, `exit code 1`, `spawn … ENOENT`. */
  reason: string;
  /** What to do about it, where the shell can tell. */
  advice: string | null;
  /** The last lines that it wrote. */
  log: string;
}

/** `DroppedFile` is the DOM's File, which this room does not know. */
export interface WindowApp<DroppedFile> {
  /** Ends the engine that runs and starts a fresh one; its port follows as a window message. */
  startEngine: () => Promise<void>;
  onEngineExit: (listener: (exit: EngineExit) => void) => void;
  /** Asks for a model file; null where the user backs out. */
  chooseModel: () => Promise<string | null>;
  /** Asks where to write; the dialog itself asks before it replaces a file. */
  chooseOutput: (suggestedPath: string) => Promise<string | null>;
  pathOfDroppedFile: (file: DroppedFile) => string;
  showInFolder: (path: string) => Promise<void>;
  copyText: (text: string) => Promise<void>;
  /** How the engine is started, for people and for problem reports. */
  launcher: () => Promise<{ mode: string; program: string }>;
}
