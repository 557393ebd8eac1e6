// The one window: its size, its page, and the question before it closes on a run.
import path from 'node:path';
import { app, BrowserWindow, dialog, Menu, nativeTheme } from 'electron';

/** As --surface in src-renderer/styles/tokens.css, so that opening does not flash. */
const background = { light: '#faf9f7', dark: '#191817' };

export function openWindow(mainFolder: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1100,
    height: 780,
    minWidth: 900,
    minHeight: 600,
    show: false,
    title: 'Snug',
    backgroundColor: nativeTheme.shouldUseDarkColors ? background.dark : background.light,
    webPreferences: {
      preload: path.join(mainFolder, '../preload/preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => window.show());
  window.webContents.on('will-prevent-unload', (event) => {
    if (confirmClose(window)) event.preventDefault(); // prevents the page's veto
  });
  const developmentServer = app.isPackaged ? undefined : process.env['VITE_DEV_SERVER_URL'];
  if (developmentServer !== undefined) void window.loadURL(developmentServer);
  else void window.loadFile(path.join(mainFolder, '../renderer/index.html'));
  return window;
}

/** The page objects to closing while a run goes on; the user decides. */
function confirmClose(window: BrowserWindow): boolean {
  const answer = dialog.showMessageBoxSync(window, {
    type: 'question',
    message: 'A run is going on.',
    detail: 'Closing the window stops it. Nothing half-written stays behind.',
    buttons: ['Keep running', 'Stop and close'],
    defaultId: 0,
    cancelId: 0,
  });
  return answer === 1;
}

/** Text editing on macOS works through menu entries; elsewhere the window needs no menu. */
export function setMenu(): void {
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null);
  else
    Menu.setApplicationMenu(
      Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]),
    );
}
