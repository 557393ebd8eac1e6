// The bridge between page and shell: named functions on `window.app`, and the engine's port handed to the page.
// Runs sandboxed, so it is built as CommonJS and imports nothing but electron's bridge modules.
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { EngineExit, WindowApp } from '../contract/window-app.ts';

const app: WindowApp<File> = {
  startEngine: () => ipcRenderer.invoke('engine.start'),
  onEngineExit: (listener) => void ipcRenderer.on('engine.exited', (_event, exit: EngineExit) => listener(exit)),
  chooseModel: () => ipcRenderer.invoke('dialog.model'),
  chooseOutput: (suggestedPath) => ipcRenderer.invoke('dialog.output', suggestedPath),
  pathOfDroppedFile: (file) => webUtils.getPathForFile(file),
  showInFolder: (path) => ipcRenderer.invoke('folder.show', path),
  copyText: (text) => ipcRenderer.invoke('clipboard.write', text),
  launcher: () => ipcRenderer.invoke('engine.launcher'),
};

contextBridge.exposeInMainWorld('app', app);

// A port cannot cross the context bridge; a window message can carry it.
ipcRenderer.on('engine.port', (event) => window.postMessage({ port: 'engine' }, '*', event.ports));
