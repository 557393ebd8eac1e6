// A window of a test's own, what its page has of the shell, and a second start beside it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { root } from '../support/paths.ts';
import { launch, type RunningApp } from './app.ts';

/** What the page calls as `app`. */
export interface Bridge {
  onOpenModel(listener: (model: string) => void): void;
  onCommand(listener: (command: string) => void): void;
  setLanguage(language: string): Promise<void>;
  openLink(link: string): Promise<void>;
  saveText(name: string, text: string): Promise<string | null>;
  savePdf(name: string): Promise<string | null>;
  showInFolder(path: string): Promise<void>;
  secrets: {
    obstacle(): Promise<string | null>;
    set(name: string, value: string): Promise<void>;
    has(name: string): Promise<boolean>;
    clear(name: string): Promise<void>;
  };
}
export async function open(...options: Parameters<typeof launch>): Promise<RunningApp> {
  const running = await launch(...options);
  onTestFinished(() => running.close());
  await running.page.waitForLoadState('load');
  return running;
}

/** Starts Snug a second time, as the system would for a file or a link. */
export async function startAgain({ folder, electron }: RunningApp, args: string[], cwd = root): Promise<void> {
  const program = await electron.evaluate(() => process.execPath);
  const second = spawn(program, ['--no-sandbox', '--disable-gpu', root, ...args], {
    cwd,
    stdio: 'ignore',
    env: { ...process.env, SNUG_HOME: folder },
  });
  onTestFinished(() => void second.kill('SIGKILL'));
  await once(second, 'exit');
}

export const isVisible = ({ electron }: RunningApp): Promise<boolean> =>
  electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isVisible());
