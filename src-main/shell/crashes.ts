// What happens when a child of the window dies: the page is opened again (its runs are the engine's, and go on), the graphics
// process is started again by Chromium, and the user is told either. The engine's end is told by the page itself.
import { app, dialog, type BrowserWindow } from 'electron';
import { words } from './words.ts';

/** A page that crashes again within this time would do so for ever. */
const soonMs = 10_000;

export function recoverFromCrashes(window: BrowserWindow): void {
  let lastCrash = -Infinity;
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return;
    const isRepeated = performance.now() - lastCrash < soonMs;
    lastCrash = performance.now();
    if (isRepeated) void askBeforeReload(window, reason);
    else {
      window.webContents.reload();
      tell(window, words().pageCrashed, words().pageCrashedDetail(reason));
    }
  });
  window.on('unresponsive', () => void askAboutHang(window));

  let hasToldOfGraphics = false;
  app.on('child-process-gone', (_event, { type, reason }) => {
    if (reason === 'clean-exit') return;
    process.stderr.write(`snug: Chromium's process "${type}" ended: ${reason}\n`);
    if (type !== 'GPU' || hasToldOfGraphics) return; // Chromium tries several times, then goes on without a GPU
    hasToldOfGraphics = true;
    tell(window, words().graphicsCrashed, words().graphicsCrashedDetail(reason));
  });
}

function tell(window: BrowserWindow, message: string, detail: string): void {
  void dialog.showMessageBox(window, { type: 'warning', message, detail, buttons: [words().ok] });
}

async function askBeforeReload(window: BrowserWindow, reason: string): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message: words().pageKeepsCrashing,
    detail: words().pageCrashedDetail(reason),
    buttons: [words().tryAgain, words().quit],
    defaultId: 0,
    cancelId: 0,
  });
  if (response === 0) window.webContents.reload();
  else app.quit();
}

async function askAboutHang(window: BrowserWindow): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'warning',
    message: words().pageHangs,
    detail: words().pageHangsDetail,
    buttons: [words().wait, words().reload],
    defaultId: 0,
    cancelId: 0,
  });
  if (response === 1) window.webContents.forcefullyCrashRenderer(); // whose end opens it again
}
