// Keeps one engine for one page: every start replaces the engine that ran, and an unexpected end is told to the page.
import { MessageChannelMain, type WebContents } from 'electron';
import type { EngineExit } from '../contract/window-app.ts';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';
import { adviseOnStart, type LauncherMode } from './launcher-mode.ts';

export class EngineLink {
  private readonly mode: LauncherMode;
  private current: EngineProcess | null = null;

  constructor(mode: LauncherMode) {
    this.mode = mode;
  }

  get isRunning(): boolean {
    return this.current !== null;
  }

  async start(page: WebContents): Promise<void> {
    await this.stop();
    const { port1, port2 } = new MessageChannelMain();
    const engine = startEngineProcess(this.mode, port2);
    this.current = engine;
    void engine.exited.then((reason) => {
      if (this.current !== engine) return; // ended on request
      this.current = null;
      const advice = engine.wasReady() ? null : adviseOnStart(this.mode);
      const exit: EngineExit = { reason, advice, log: engine.log() };
      if (!page.isDestroyed()) page.send('engine.exited', exit);
    });
    page.postMessage('engine.port', null, [port1]);
  }

  async stop(): Promise<void> {
    const engine = this.current;
    this.current = null;
    await engine?.stop();
  }
}
