// The bridge between page and shell: named functions on `window.app`, and the engine's port handed to the page.
// Runs sandboxed, so it is built as CommonJS and imports nothing but electron's bridge modules.
// The page's view of this object is src-renderer/engine/window-app.ts; a test holds the two together.
import { contextBridge, ipcRenderer, webUtils } from 'electron';

/** Why the engine is gone: see EngineExit in the shell's engine-link.ts. */
interface Exit {
  reason: string;
  advice: string | null;
  log: string;
}

const app = {
  /** Ends the engine that runs and starts a fresh one; its port follows as a window message. */
  startEngine: (): Promise<void> => ipcRenderer.invoke('engine.start'),
  onEngineExit: (listener: (exit: Exit) => void): void =>
    void ipcRenderer.on('engine.exited', (_event, exit: Exit) => listener(exit)),
  /** Asks for a model file; null where the user backs out. */
  chooseModel: (): Promise<string | null> => ipcRenderer.invoke('dialog.model'),
  /** Asks where to write; the dialog itself asks before it replaces a file. */
  chooseOutput: (suggestedPath: string): Promise<string | null> => ipcRenderer.invoke('dialog.output', suggestedPath),
  pathOfDroppedFile: (file: File): string => webUtils.getPathForFile(file),
  showInFolder: (path: string): Promise<void> => ipcRenderer.invoke('folder.show', path),
  copyText: (text: string): Promise<void> => ipcRenderer.invoke('clipboard.write', text),
  /** How the engine is started, for people and for problem reports. */
  launcher: (): Promise<{ mode: string; program: string }> => ipcRenderer.invoke('engine.launcher'),
};
export type PreloadedApp = typeof app;

contextBridge.exposeInMainWorld('app', app);

// A port cannot cross the context bridge; a window message can carry it.
ipcRenderer.on('engine.port', (event) => window.postMessage({ port: 'engine' }, '*', event.ports));
