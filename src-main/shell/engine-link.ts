// Keeps one engine for the window: the page connects to the one that runs, or has one started; the shell is a client of its own,
// which tells the engine the kept token and follows the work. An unexpected end is told to the page.
import { MessageChannelMain, type WebContents } from 'electron';
import { engineApi, type EngineApi } from '../contract/engine-api.ts';
import type { EngineExit } from '../contract/window-app.ts';
import { connect, type Client } from '../rpc/client.ts';
import { mainPortTransport } from '../rpc/message-port.ts';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';
import { adviseOnStart, type LauncherMode } from './launcher-mode.ts';
import { readSecret } from './secrets.ts';
import type { WorkWatch } from './work.ts';

interface Running {
  process: EngineProcess;
  client: Client<EngineApi>;
}

export class EngineLink {
  private readonly mode: LauncherMode;
  private readonly work: WorkWatch;
  private current: Running | null = null;

  constructor(mode: LauncherMode, work: WorkWatch) {
    this.mode = mode;
    this.work = work;
  }

  get isRunning(): boolean {
    return this.current !== null;
  }

  /** Starts the engine while the page is still loading; where that fails, the page's own attempt tells it. */
  prepare(page: WebContents): void {
    this.current ??= this.start(page);
  }

  /** Gives the page a port to the engine, which is started where none runs. */
  connectPage(page: WebContents): void {
    const { process } = this.current ?? this.start(page);
    const { port1, port2 } = new MessageChannelMain();
    process.attach(port2);
    page.postMessage('engine.port', null, [port1]);
  }

  /** Tells the running engine that the kept token is another one now. */
  async tellToken(): Promise<void> {
    await this.current?.client.call['hub.setToken']({ token: readSecret('hubToken') });
  }

  async stop(): Promise<void> {
    const running = this.current;
    this.current = null;
    await running?.process.stop();
  }

  private start(page: WebContents): Running {
    const process = startEngineProcess(this.mode);
    const { port1, port2 } = new MessageChannelMain();
    process.attach(port2);
    const client = connect(engineApi, mainPortTransport(port1));
    const running: Running = { process, client };
    this.current = running;
    this.work.follow(client);
    let isReady = false;
    // Also where there is no token: its answer is the first sign of life.
    client.call['hub.setToken']({ token: readSecret('hubToken') }).then(
      () => (isReady = true),
      () => {}, // a token that no hub can have was refused, or the engine ended, which is told below
    );
    void process.exited.then((reason) => {
      if (this.current !== running) return; // ended on request
      this.current = null;
      this.work.forget();
      const exit: EngineExit = { reason, advice: isReady ? null : adviseOnStart(this.mode), log: process.log() };
      if (!page.isDestroyed()) page.send('engine.exited', exit);
    });
    return running;
  }
}
