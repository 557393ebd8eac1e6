// The page's connection to the engine: its port arrives as a window message, its end is told by the shell.
import { engineApi, type EngineApi } from '../../src-main/contract/engine-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import type { EngineExit } from '../../src-main/contract/window-app.ts';
import type { WindowApp } from './window-app.ts';
import { connect, type Client } from '../../src-main/rpc/client.ts';
import { webPortTransport } from '../../src-main/rpc/message-port.ts';
import type { Transport } from '../../src-main/rpc/transport.ts';

export interface EngineConnection {
  client: Client<EngineApi>;
  /** Resolves once, when the engine has ended unexpectedly. */
  ended: Promise<EngineExit>;
}

/** Opens connections one after the other; each start replaces the engine that ran before. */
export function engineOpener(app: WindowApp): () => Promise<EngineConnection> {
  let reportExit: (exit: EngineExit) => void = () => {};
  app.onEngineExit((exit) => reportExit(exit));
  let previous: MessagePort | null = null;

  return async () => {
    previous?.close();
    const { promise: ended, resolve } = Promise.withResolvers<EngineExit>();
    reportExit = resolve;
    const nextPort = portMessage();
    await app.startEngine();
    const port = await nextPort;
    previous = port;
    const client = connect(engineApi, endedBy(webPortTransport(port), ended), { closedError: engineGone });
    return { client, ended };
  };
}

function portMessage(): Promise<MessagePort> {
  return new Promise((resolve) => {
    const listen = (event: MessageEvent<unknown>): void => {
      const [port] = event.ports;
      const isPort = event.source === window && (event.data as { port?: unknown } | null)?.port === 'engine';
      if (!isPort || port === undefined) return;
      window.removeEventListener('message', listen);
      resolve(port);
    };
    window.addEventListener('message', listen);
  });
}

/** The shell knows earlier and better than the port when and why the engine is gone. */
function endedBy(transport: Transport, ended: Promise<EngineExit>): Transport {
  return { ...transport, onClose: (listener) => void ended.then((exit) => listener(exit.reason)) };
}

function engineGone(reason: string): AppError {
  return new AppError('WORKER_CRASHED', `The engine ended (${reason}).`, { reason });
}
