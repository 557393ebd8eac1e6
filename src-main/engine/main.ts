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
import { createEngine, type Engine } from './engine.ts';
import { findFolders } from './folders.ts';
import { closeInherited } from './inherited.ts';

/** Electron's process.parentPort in a utility process. */
interface ParentPort {
  on(type: 'message', listener: (event: { ports: MainPort[] }) => void): void;
}

closeInherited();

const bundled = !import.meta.filename.endsWith('.ts');
const folders = findFolders(
  bundled ? import.meta.dirname : path.join(import.meta.dirname, '..', '..', 'src-main', 'engine'),
  bundled,
);
/** The shell waits 3 s for the engine before it kills it. */
const endGraceMs = 2500;

const servers = new Set<Server<typeof engineApi>>();
const engine: Promise<Engine> = createEngine(folders, (name, payload) => {
  for (const server of servers) server.emit(name, payload);
});

function serveOn(transport: Transport): void {
  const server = serve(engineApi, lazily(engine), transport);
  servers.add(server);
  transport.onClose(() => servers.delete(server));
}

/** Requests that come while the engine is being built wait for it. */
function lazily(built: Promise<Engine>): HandlersOf<typeof engineApi> {
  const call = (method: string) => async (params: unknown, context: unknown) => {
    const handler = (await built).handlers[method as keyof HandlersOf<typeof engineApi>] as (
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
    if (port) serveOn(mainPortTransport(port));
  });
} else {
  serveOn(parentTransport());
}

process.on('exit', killChildren);
process.on('SIGINT', () => {}); // a terminal sends it to the whole group; the command line cancels in its own way
process.on('SIGTERM', () => void end());
process.on('disconnect', () => void end());

/** Drops what is half done, then ends; a job that does not let go in time is left to the next run's sweep. */
async function end(): Promise<void> {
  setTimeout(() => process.exit(1), endGraceMs).unref();
  await (await engine).close();
  process.exit(0);
}
