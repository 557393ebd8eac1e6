// Entry of the engine process: forked by the command line or the shell as a Node child, or by Electron as a utility
// process that is handed one message port per window.
import path from 'node:path';
import { engineApi } from '../contract/engine-api.ts';
import type { HandlersOf } from '../contract/define-api.ts';
import { mainPortTransport, type MainPort } from '../rpc/message-port.ts';
import { parentTransport } from '../rpc/node-child.ts';
import { serve, type Server } from '../rpc/server.ts';
import type { Transport } from '../rpc/transport.ts';
import { killChildren } from './child.ts';
import { createEngine } from './engine.ts';
import { findFolders } from './folders.ts';

/** Electron's process.parentPort in a utility process. */
interface ParentPort {
  on(type: 'message', listener: (event: { ports: MainPort[] }) => void): void;
}

const bundled = !import.meta.filename.endsWith('.ts');
const folders = findFolders(
  bundled ? import.meta.dirname : path.join(import.meta.dirname, '..', '..', 'src-main', 'engine'),
  bundled,
);
const servers = new Set<Server<typeof engineApi>>();
const engine: Promise<HandlersOf<typeof engineApi>> = createEngine(folders, (name, payload) => {
  for (const server of servers) server.emit(name, payload);
});

async function serveOn(transport: Transport): Promise<void> {
  const server = serve(engineApi, lazily(engine), transport);
  servers.add(server);
  transport.onClose(() => servers.delete(server));
}

/** Requests that come while the engine is being built wait for it. */
function lazily(handlers: Promise<HandlersOf<typeof engineApi>>): HandlersOf<typeof engineApi> {
  const call = (method: string) => async (params: unknown, context: unknown) => {
    const handler = (await handlers)[method as keyof HandlersOf<typeof engineApi>] as (
      params: unknown,
      context: unknown,
    ) => unknown;
    return handler(params, context);
  };
  return Object.fromEntries(Object.keys(engineApi.methods).map((method) => [method, call(method)])) as HandlersOf<
    typeof engineApi
  >;
}

const { parentPort } = process as { parentPort?: ParentPort };
if (parentPort) {
  parentPort.on('message', (event) => {
    const port = event.ports[0];
    if (port) void serveOn(mainPortTransport(port));
  });
} else {
  void serveOn(parentTransport());
}

process.on('exit', killChildren);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {}); // the command line cancels; the engine ends with its parent
