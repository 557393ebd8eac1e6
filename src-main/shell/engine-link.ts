// Keeps one engine for one page: every start replaces the engine that ran, and an unexpected end is told to the page.
import { MessageChannelMain, type WebContents } from 'electron';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';
import { adviseOnExit, type LauncherMode, type Surroundings } from './launcher-mode.ts';

/** What the page is told about an engine that ended by itself. */
export interface EngineExit {
  reason: string;
  advice: string | null;
  log: string;
}

export class EngineLink {
  private readonly mode: LauncherMode;
  private readonly around: Surroundings;
  private current: EngineProcess | null = null;

  constructor(mode: LauncherMode, around: Surroundings) {
    this.mode = mode;
    this.around = around;
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
      const exit: EngineExit = { reason, advice: adviseOnExit(this.mode, this.around, engine.wasReady()), log: engine.log() };
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
