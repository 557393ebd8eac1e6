// Answers what the preload asks for on the page's behalf. Only the window's own main frame is answered.
import path from 'node:path';
import { clipboard, dialog, ipcMain, shell, type BrowserWindow, type IpcMainInvokeEvent } from 'electron';
import type { EngineLink } from './engine-link.ts';

/** How the engine is started, for people. */
export interface LauncherReport {
  mode: 'node' | 'utility';
  /** The program that runs the engine. */
  program: string;
}

export function answerPage(window: BrowserWindow, engine: EngineLink, launcher: LauncherReport): void {
  const answer = <Argument>(channel: string, handler: (argument: Argument) => unknown): void => {
    ipcMain.handle(channel, (event: IpcMainInvokeEvent, argument: Argument) => {
      if (event.senderFrame !== window.webContents.mainFrame) throw new Error(`${channel}: refused`);
      return handler(argument);
    });
  };
  answer('engine.start', () => engine.start(window.webContents));
  answer('engine.launcher', () => launcher);
  answer('dialog.model', () => chooseModel(window));
  answer('dialog.output', (suggestedPath: string) => chooseOutput(window, suggestedPath));
  answer('folder.show', (file: string) => shell.showItemInFolder(path.resolve(file)));
  answer('clipboard.write', (text: string) => clipboard.writeText(text));
}

async function chooseModel(window: BrowserWindow): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title: 'Open a model',
    properties: ['openFile'],
    filters: [
      { name: 'Models', extensions: ['gguf', 'safetensors'] },
      { name: 'All files', extensions: ['*'] },
    ],
  });
  return canceled ? null : (filePaths[0] ?? null);
}

async function chooseOutput(window: BrowserWindow, suggestedPath: string): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title: 'Where to write the new model',
    defaultPath: suggestedPath,
    properties: ['createDirectory', 'showOverwriteConfirmation'],
    filters: [{ name: 'GGUF', extensions: ['gguf'] }],
  });
  return canceled || filePath === '' ? null : filePath;
}
