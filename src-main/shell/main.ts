// The shell: Electron's main process. Opens the window, starts the engine for it, brokers the port between them, and holds no
// state but the window's place. Started twice, the first one comes to the front and opens what the second was given.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { app, type BrowserWindow } from 'electron';
import type { ShellLanguage } from '../contract/window-app.ts';
import { Background } from './background.ts';
import { askBeforeClosing } from './closing.ts';
import { recoverFromCrashes } from './crashes.ts';
import { EngineLink } from './engine-link.ts';
import { chooseLauncher, type Surroundings } from './launcher-mode.ts';
import { setMenu } from './menu.ts';
import { linkScheme, modelOf, modelOfArguments } from './openings.ts';
import { servePage } from './page-files.ts';
import { answerPage, type LauncherReport } from './page-requests.ts';
import { restrictPages, restrictSession } from './security.ts';
import { readWindowState, writeWindowState } from './window-state.ts';
import { bringForward, openWindow, watchPlace } from './window.ts';
import { preferredLanguage, speak } from './words.ts';
import { WorkWatch } from './work.ts';

const mainFolder = import.meta.dirname;
/** Vite names it in development; a packaged application has none. */
const developmentServer = app.isPackaged ? undefined : process.env['VITE_DEV_SERVER_URL'];

function lookAround(): Surroundings {
  const carried = path.join(process.resourcesPath, process.platform === 'win32' ? 'node.exe' : 'node');
  return {
    environment: process.env,
    nodeApi: Number(process.versions['napi']),
    mainFolder,
    packagedNode: existsSync(carried) ? carried : null,
  };
}

/** Models that are to be opened: the page is told the last one as soon as it can hear. */
class Openings {
  private window: BrowserWindow | null = null;
  private waiting: string | null = null;

  ask(model: string | null): void {
    this.waiting = model ?? this.waiting;
    if (this.window === null) return;
    bringForward(this.window);
    if (!this.window.webContents.isLoading()) this.deliver();
  }

  connect(window: BrowserWindow): void {
    this.window = window;
    window.webContents.on('did-finish-load', () => this.deliver());
  }

  private deliver(): void {
    if (this.waiting === null) return;
    this.window?.webContents.send('model.open', this.waiting);
    this.waiting = null;
  }
}

function start(openings: Openings): void {
  restrictPages();
  app.on('second-instance', (_event, _arguments, _folder, data) => {
    // Said by another process of this user, so it is looked at again.
    const { model } = data as { model?: unknown };
    openings.ask(typeof model === 'string' ? modelOf(model, '/') : null);
  });
  app.on('activate', () => openings.ask(null));
  app.on('window-all-closed', () => app.quit());
  void app.whenReady().then(() => compose(openings));
}

/** Builds the window and everything around it. Needs a ready app. */
function compose(openings: Openings): void {
  restrictSession(developmentServer);
  servePage(path.join(mainFolder, '../renderer'));
  const home = app.getPath('userData');
  let state = readWindowState(home);
  speak(state.language ?? preferredLanguage(app.getPreferredSystemLanguages()));

  const window = openWindow({ mainFolder, state, developmentServer });
  const background = new Background(window, mainFolder, {
    show: () => bringForward(window),
    quit: () => closing.now(),
  });
  const work = new WorkWatch(background);
  const closing = askBeforeClosing(window, work);
  watchPlace(window, (place) => {
    state = { ...state, ...place };
    writeWindowState(home, state);
  });
  const setLanguage = (language: ShellLanguage): void => {
    speak(language);
    setMenu(window);
    state = { ...state, language };
    writeWindowState(home, state);
  };

  const mode = chooseLauncher(lookAround());
  const launcher: LauncherReport = { mode: mode.kind, program: mode.kind === 'node' ? mode.program : process.execPath };
  const engine = new EngineLink(mode, work);
  engine.prepare(window.webContents);
  setMenu(window);
  answerPage({ window, engine, launcher, setLanguage });
  recoverFromCrashes(window);
  openings.connect(window);
  endInOrder(engine, () => closing.now());
}

/** The engine puts its files in order before the application ends; a signal asks nobody. */
function endInOrder(engine: EngineLink, closeNow: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, closeNow);
  app.on('will-quit', (event) => {
    if (!engine.isRunning) return;
    event.preventDefault();
    void engine.stop().then(() => app.quit());
  });
}

const userData = process.env['SNUG_HOME'];
// The lock of the single instance lies in this folder: another SNUG_HOME is another instance.
if (userData !== undefined) app.setPath('userData', path.join(path.resolve(userData), 'window'));
// An unpackaged Electron is started with the project's folder, which a link would have to repeat.
if (app.isPackaged) app.setAsDefaultProtocolClient(linkScheme);

const openings = new Openings();
const given = modelOfArguments(process.argv.slice(1), process.cwd());
openings.ask(given);
// macOS hands over files and links by events, which may come before the app is ready.
app.on('open-file', (event, file) => {
  event.preventDefault();
  openings.ask(modelOf(file, '/'));
});
app.on('open-url', (event, url) => {
  event.preventDefault();
  openings.ask(modelOf(url, '/'));
});
if (app.requestSingleInstanceLock({ model: given })) start(openings);
else app.quit();
