// The bridge between page and shell: named functions on `window.app`, and the engine's port handed to the page.
// Runs sandboxed, so it is built as CommonJS and imports nothing but electron's bridge modules.
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { ErrorShape } from '../contract/errors.ts';
import type { EngineExit, MenuCommand, WindowApp } from '../contract/window-app.ts';

// The shell may have a model to open before the page listens.
let waitingModel: string | null = null;
let openModel = (model: string): void => void (waitingModel = model);
ipcRenderer.on('model.open', (_event, model: string) => openModel(model));

const app: WindowApp<File> = {
  startEngine: () => ipcRenderer.invoke('engine.start'),
  onEngineExit: (listener) => void ipcRenderer.on('engine.exited', (_event, exit: EngineExit) => listener(exit)),
  onOpenModel: (listener) => {
    openModel = (model) => listener(model);
    if (waitingModel !== null) listener(waitingModel);
    waitingModel = null;
  },
  onCommand: (listener) => {
    ipcRenderer.removeAllListeners('menu.command');
    ipcRenderer.on('menu.command', (_event, command: MenuCommand) => listener(command));
  },
  onFailure: (listener) => {
    ipcRenderer.removeAllListeners('shell.failed');
    ipcRenderer.on('shell.failed', (_event, error: ErrorShape) => listener(error));
  },
  chooseModel: () => ipcRenderer.invoke('dialog.model'),
  chooseModelFolder: () => ipcRenderer.invoke('dialog.modelFolder'),
  chooseFolder: () => ipcRenderer.invoke('dialog.folder'),
  chooseTexts: () => ipcRenderer.invoke('dialog.texts'),
  chooseOutput: (suggestedPath) => ipcRenderer.invoke('dialog.output', suggestedPath),
  saveText: (suggestedName, text) => ipcRenderer.invoke('save.text', { suggestedName, text }),
  savePdf: (suggestedName) => ipcRenderer.invoke('save.pdf', suggestedName),
  pathOfDroppedFile: (file) => webUtils.getPathForFile(file),
  showInFolder: (path) => ipcRenderer.invoke('folder.show', path),
  copyText: (text) => ipcRenderer.invoke('clipboard.write', text),
  openLink: (link) => ipcRenderer.invoke('link.open', link),
  noteRecent: (path) => ipcRenderer.invoke('recent.note', path),
  setLanguage: (language) => ipcRenderer.invoke('language.set', language),
  secrets: {
    obstacle: () => ipcRenderer.invoke('secrets.obstacle'),
    set: (name, value) => ipcRenderer.invoke('secrets.set', { name, value }),
    has: (name) => ipcRenderer.invoke('secrets.has', name),
    clear: (name) => ipcRenderer.invoke('secrets.clear', name),
  },
  launcher: () => ipcRenderer.invoke('engine.launcher'),
};

contextBridge.exposeInMainWorld('app', app);

// A port cannot cross the context bridge; a window message can carry it.
ipcRenderer.on('engine.port', (event) => window.postMessage({ port: 'engine' }, '*', event.ports));
