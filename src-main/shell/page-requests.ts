// Answers what the preload asks for on the page's behalf. Only the window's own main frame is answered, and every argument is
// held against its schema first: a page that was taken over can do no more here than the user's own page can.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { app, clipboard, ipcMain, shell, type BrowserWindow } from 'electron';
import { z } from 'zod';
import { AppError } from '../contract/errors.ts';
import { externalLinks, secretNames, shellLanguages, type ExternalLink } from '../contract/window-app.ts';
import {
  chooseFolder,
  chooseModel,
  chooseModelFolder,
  chooseOutput,
  chooseTexts,
  savePdf,
  saveText,
} from './dialogs.ts';
import type { EngineLink } from './engine-link.ts';
import { openLink } from './menu.ts';
import { clearSecret, readSecret, secretsObstacle, setSecret } from './secrets.ts';

/** How the engine is started, for people. */
export interface LauncherReport {
  mode: 'node' | 'utility';
  /** The program that runs the engine. */
  program: string;
}

export interface PageServices {
  window: BrowserWindow;
  engine: EngineLink;
  launcher: LauncherReport;
  setLanguage: (language: (typeof shellLanguages)[number]) => void;
}

const nothing = z.undefined();
/** Longer than any path or name of a real file; what is longer is a fault. */
const name = z
  .string()
  .min(1)
  .max(4096)
  .refine((text) => !text.includes('\0'));
const absolutePath = name.refine((file) => path.isAbsolute(file), 'no absolute path');
const existingPath = absolutePath.refine(existsSync, 'no existing file');
const link = z.enum(Object.keys(externalLinks) as [ExternalLink, ...ExternalLink[]]);
const secret = z.enum(secretNames);
const secretValue = z.string().trim().min(1).max(1024);
/** Reports and tables; a larger one is a fault. */
const text = z.string().max(2 ** 26);

export function answerPage({ window, engine, launcher, setLanguage }: PageServices): void {
  const answer = <Schema extends z.ZodType>(
    channel: string,
    schema: Schema,
    handler: (argument: z.infer<Schema>) => unknown,
  ): void => {
    ipcMain.handle(channel, (event, ...given: unknown[]) => {
      if (event.senderFrame === null || event.senderFrame !== window.webContents.mainFrame)
        throw new Error(`${channel}: refused`);
      const argument = schema.safeParse(given[0]);
      if (given.length > 1 || !argument.success) throw new Error(`${channel}: not what it expects`);
      return handler(argument.data);
    });
  };
  /** What was asked for and did not work is told on the page, whichever screen is in view; it is not the page's fault. */
  const telling = async <T>(action: () => Promise<T> | T): Promise<T | null> => {
    try {
      return await action();
    } catch (error) {
      window.webContents.send('shell.failed', AppError.from(error).toShape());
      return null;
    }
  };
  answer('engine.start', nothing, () => engine.connectPage(window.webContents));
  answer('engine.launcher', nothing, () => launcher);
  answer('dialog.model', nothing, () => chooseModel(window));
  answer('dialog.modelFolder', nothing, () => chooseModelFolder(window));
  answer('dialog.folder', nothing, () => chooseFolder(window));
  answer('dialog.texts', nothing, () => chooseTexts(window));
  answer('dialog.output', name, (suggestedPath) => chooseOutput(window, suggestedPath));
  answer('save.text', z.strictObject({ suggestedName: name, text }), (wanted) =>
    telling(() => saveText(window, wanted.suggestedName, wanted.text)),
  );
  answer('save.pdf', name, (suggestedName) => telling(() => savePdf(window, suggestedName)));
  answer('folder.show', absolutePath, (file) => telling(() => showInFolder(file)));
  answer('clipboard.write', text, (copied) => clipboard.writeText(copied));
  answer('link.open', link, openLink);
  answer('recent.note', existingPath, (file) => app.addRecentDocument(file));
  answer('language.set', z.enum(shellLanguages), setLanguage);
  answer('secrets.obstacle', nothing, secretsObstacle);
  answer('secrets.has', secret, (wanted) => readSecret(wanted) !== null);
  answer('secrets.set', z.strictObject({ name: secret, value: secretValue }), async (wanted) => {
    setSecret(wanted.name, wanted.value);
    await engine.tellToken();
  });
  answer('secrets.clear', secret, async (wanted) => {
    clearSecret(wanted);
    await engine.tellToken();
  });
}

/** @throws FILE_NOT_FOUND for one that was moved or deleted since the page knew it */
function showInFolder(file: string): void {
  if (!existsSync(file)) throw new AppError('FILE_NOT_FOUND', `${file} is not there any more.`, { path: file });
  shell.showItemInFolder(file);
}
