// The shell: Electron's main process. Opens the window, starts the engine for it, brokers the port between them,
// and holds no state worth keeping. Started twice, the first one comes to the front.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { app, type BrowserWindow } from 'electron';
import { EngineLink } from './engine-link.ts';
import { chooseLauncher, type Surroundings } from './launcher-mode.ts';
import { answerPage, type LauncherReport } from './page-requests.ts';
import { restrictPages, restrictSession } from './security.ts';
import { openWindow, setMenu } from './window.ts';

const mainFolder = import.meta.dirname;

function lookAround(): Surroundings {
  const carried = path.join(process.resourcesPath, process.platform === 'win32' ? 'node.exe' : 'node');
  return {
    environment: process.env,
    nodeApi: Number(process.versions['napi']),
    mainFolder,
    packagedNode: existsSync(carried) ? carried : null,
  };
}

function start(): void {
  const mode = chooseLauncher(lookAround());
  const engine = new EngineLink(mode);
  const launcher: LauncherReport = { mode: mode.kind, program: mode.kind === 'node' ? mode.program : process.execPath };
  let window: BrowserWindow | null = null;

  restrictPages();
  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.on('window-all-closed', () => app.quit());
  app.on('will-quit', (event) => {
    if (!engine.isRunning) return;
    event.preventDefault();
    void engine.stop().then(() => app.quit());
  });
  void app.whenReady().then(() => {
    restrictSession();
    setMenu();
    window = openWindow(mainFolder);
    answerPage(window, engine, launcher);
  });
}

const home = process.env['SNUG_HOME'];
if (home !== undefined) app.setPath('userData', path.join(path.resolve(home), 'window'));
if (app.requestSingleInstanceLock()) start();
else app.quit();
