// The system's own dialogs: what to open, where to write, and what is written there at once.
import path from 'node:path';
import { dialog, type BrowserWindow, type FileFilter, type OpenDialogOptions, type WebContents } from 'electron';
import { saveFile } from './save-file.ts';
import { words } from './words.ts';

export async function chooseModel(window: BrowserWindow): Promise<string | null> {
  const filters = [{ name: words().modelFiles, extensions: ['gguf', 'safetensors', 'onnx'] }, allFiles()];
  return open(window, { title: words().chooseModel, properties: ['openFile'], filters });
}

export async function chooseModelFolder(window: BrowserWindow): Promise<string | null> {
  return open(window, { title: words().chooseModelFolder, properties: ['openDirectory'] });
}

export async function chooseFolder(window: BrowserWindow): Promise<string | null> {
  return open(window, { title: words().chooseFolder, properties: ['openDirectory', 'createDirectory'] });
}

/** Asks for texts, several at once; none where the user backs out. */
export async function chooseTexts(window: BrowserWindow): Promise<string[]> {
  const filters = [{ name: words().textFiles, extensions: ['txt', 'utf8', 'raw', 'jsonl', 'json'] }, allFiles()];
  const options: OpenDialogOptions = {
    title: words().chooseTexts,
    properties: ['openFile', 'multiSelections'],
    filters,
  };
  const { canceled, filePaths } = await dialog.showOpenDialog(window, options);
  return canceled ? [] : filePaths;
}

/** Asks where to write a model. */
export async function chooseOutput(window: BrowserWindow, suggestedPath: string): Promise<string | null> {
  return save(window, words().chooseOutput, suggestedPath);
}

/** Asks where, and writes `text` there; null where the user backs out. @throws NOT_WRITABLE, DISK_FULL */
export async function saveText(window: BrowserWindow, suggestedName: string, text: string): Promise<string | null> {
  const file = await save(window, words().save, path.basename(suggestedName));
  if (file !== null) await saveFile(file, text);
  return file;
}

/** Asks where, and prints the page there; null where the user backs out. @throws NOT_WRITABLE, DISK_FULL */
export async function savePdf(window: BrowserWindow, suggestedName: string): Promise<string | null> {
  const file = await save(window, words().save, path.basename(suggestedName));
  if (file !== null) await saveFile(file, await onWhite(window, (page) => page.printToPDF({ printBackground: true })));
  return file;
}

/** The window's colour reaches into the margins of paper, dark where the system is. */
async function onWhite<T>(window: BrowserWindow, print: (page: WebContents) => Promise<T>): Promise<T> {
  const colour = window.getBackgroundColor();
  window.setBackgroundColor('#ffffff');
  try {
    return await print(window.webContents);
  } finally {
    window.setBackgroundColor(colour);
  }
}

async function open(window: BrowserWindow, options: OpenDialogOptions): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, options);
  return canceled ? null : (filePaths[0] ?? null);
}

async function save(window: BrowserWindow, title: string, defaultPath: string): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title,
    defaultPath,
    properties: ['createDirectory', 'showOverwriteConfirmation'],
    filters: filtersFor(defaultPath),
  });
  return canceled || filePath === '' ? null : filePath;
}

/** The kind of the suggested file; a name without an ending is a folder. */
function filtersFor(file: string): FileFilter[] {
  const extension = path.extname(file).slice(1);
  return extension === '' ? [] : [{ name: extension.toUpperCase(), extensions: [extension] }, allFiles()];
}

function allFiles(): FileFilter {
  return { name: words().allFiles, extensions: ['*'] };
}
