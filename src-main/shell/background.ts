// What the system sees of a run: it keeps the machine awake, fills the icon in the taskbar, stays in the tray when its window
// was closed, and says when it is done to a user who looks elsewhere.
import path from 'node:path';
import { Menu, Notification, powerSaveBlocker, Tray, type BrowserWindow } from 'electron';
import { words } from './words.ts';
import type { Work, WorkListener } from './work.ts';

const noProgress = -1;
/** Above 1 the taskbar shows that something runs, without how far. */
const unknownProgress = 2;

export interface BackgroundActions {
  show: () => void;
  quit: () => void;
}

export class Background implements WorkListener {
  private readonly window: BrowserWindow;
  private readonly actions: BackgroundActions;
  private readonly icon: string;
  private work: Work | null = null;
  private blocker: number | null = null;
  private tray: Tray | null = null;

  constructor(window: BrowserWindow, mainFolder: string, actions: BackgroundActions) {
    this.window = window;
    this.actions = actions;
    const name = process.platform === 'darwin' ? 'trayTemplate.png' : 'tray.png';
    this.icon = path.join(mainFolder, '../../resources/icons', name);
    window.on('show', () => this.endTray());
    window.on('hide', () => this.startTray());
  }

  changed(work: Work | null): void {
    this.work = work;
    this.keepAwake(work !== null);
    if (!this.window.isDestroyed())
      this.window.setProgressBar(work === null ? noProgress : (work.fraction ?? unknownProgress));
    this.describe();
  }

  ended(name: string, state: 'done' | 'failed'): void {
    if (this.window.isDestroyed() || this.window.isFocused() || !Notification.isSupported()) return;
    const notification = new Notification({
      title: state === 'done' ? words().done(name) : words().failed(name),
      body: words().doneDetail,
    });
    notification.on('click', () => this.actions.show());
    notification.show();
  }

  /** Only the system's sleep is held off; the screen may go dark. */
  private keepAwake(isNeeded: boolean): void {
    if (isNeeded) this.blocker ??= powerSaveBlocker.start('prevent-app-suspension');
    else if (this.blocker !== null) {
      powerSaveBlocker.stop(this.blocker);
      this.blocker = null;
    }
  }

  private startTray(): void {
    this.tray ??= new Tray(this.icon);
    this.tray.on('click', () => this.actions.show());
    this.describe();
  }

  private endTray(): void {
    this.tray?.destroy();
    this.tray = null;
  }

  private describe(): void {
    if (this.tray === null) return;
    const { work } = this;
    const text = work === null ? words().nothingRuns : words().running(work.name, percentOf(work));
    this.tray.setToolTip(`Snug\n${text}`);
    this.tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: text, enabled: false },
        { label: words().show, click: () => this.actions.show() },
        { type: 'separator' },
        { label: work === null ? words().quit : words().stopAndQuit, click: () => this.actions.quit() },
      ]),
    );
  }
}

function percentOf({ fraction }: Work): string {
  return fraction === null ? '…' : `${Math.floor(fraction * 100)} %`;
}
