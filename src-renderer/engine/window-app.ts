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

export interface WindowApp {
  startEngine(): Promise<void>;
  onEngineExit(listener: (exit: EngineExit) => void): void;
  chooseModel(): Promise<string | null>;
  chooseOutput(suggestedPath: string): Promise<string | null>;
  pathOfDroppedFile(file: File): string;
  showInFolder(path: string): Promise<void>;
  copyText(text: string): Promise<void>;
  launcher(): Promise<{ mode: string; program: string }>;
}

declare global {
  interface Window {
    readonly app: WindowApp;
  }
}
