// The one window: where it stands, what its page may be, and that its place is remembered.
import path from 'node:path';
import { BrowserWindow, nativeTheme, screen } from 'electron';
import { openingBounds, smallestWindow, type WindowState } from './window-state.ts';

/** As --surface in src-renderer/styles/tokens.css, so that opening does not flash. */
const background = { light: '#faf9f7', dark: '#191817' };

interface WindowSettings {
  mainFolder: string;
  state: WindowState;
  developmentServer: string | undefined;
}

export function openWindow({ mainFolder, state, developmentServer }: WindowSettings): BrowserWindow {
  const workAreas = screen.getAllDisplays().map(({ workArea }) => workArea);
  const window = new BrowserWindow({
    ...openingBounds(state.bounds, workAreas),
    minWidth: smallestWindow.width,
    minHeight: smallestWindow.height,
    show: false,
    autoHideMenuBar: true,
    title: 'Snug',
    icon: path.join(mainFolder, '../../resources/icons/256x256.png'),
    backgroundColor: nativeTheme.shouldUseDarkColors ? background.dark : background.light,
    webPreferences: {
      preload: path.join(mainFolder, '../preload/preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => {
    if (state.isMaximized) window.maximize();
    window.show();
  });
  if (developmentServer !== undefined) void window.loadURL(developmentServer);
  else void window.loadFile(path.join(mainFolder, '../renderer/index.html'));
  return window;
}

/** Brings the window before the user, wherever it was. */
export function bringForward(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

/** A window is dragged through many places; the last one is worth a file. */
const settleMs = 500;

/** Calls `keep` with the window's place whenever it has come to rest, and when it closes. */
export function watchPlace(window: BrowserWindow, keep: (place: Omit<WindowState, 'language'>) => void): void {
  let timer: NodeJS.Timeout | undefined;
  const keepNow = (): void => {
    clearTimeout(timer);
    // The bounds to go back to; what a maximised or full-screen window covers is not its size.
    keep({ bounds: window.getNormalBounds(), isMaximized: window.isMaximized() });
  };
  const keepSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(keepNow, settleMs);
  };
  window.on('resize', keepSoon);
  window.on('move', keepSoon);
  window.on('maximize', keepSoon);
  window.on('unmaximize', keepSoon);
  window.on('close', keepNow);
}
