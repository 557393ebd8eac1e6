// What closing the window means while something runs: the user says whether the run goes on without it, stops, or neither.
import { dialog, type BrowserWindow } from 'electron';
import { words } from './words.ts';
import type { WorkWatch } from './work.ts';

export interface Closing {
  /** Closes the window, whatever runs. */
  now(): void;
}

/** Holds the window until the question is answered. The page's own objection to closing says nothing that is not asked here. */
export function askBeforeClosing(window: BrowserWindow, work: WorkWatch): Closing {
  let isAgreed = false;
  let isAsking = false;
  const now = (): void => {
    isAgreed = true;
    window.close();
  };
  window.webContents.on('will-prevent-unload', (event) => event.preventDefault()); // prevents the page's veto
  window.on('close', (event) => {
    if (isAgreed || work.current() === null) return;
    event.preventDefault();
    if (isAsking) return;
    isAsking = true;
    void ask(window).then((answer) => {
      isAsking = false;
      if (answer === 'hide') window.hide();
      else if (answer === 'close') now();
    });
  });
  return { now };
}

async function ask(window: BrowserWindow): Promise<'hide' | 'close' | 'stay'> {
  window.show(); // a question of a hidden window would be hidden too
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: words().runGoesOn,
    detail: words().runGoesOnDetail,
    buttons: [words().keepRunning, words().stopAndClose, words().stay],
    defaultId: 0,
    cancelId: 2,
  });
  return (['hide', 'close', 'stay'] as const)[response] ?? 'stay';
}
