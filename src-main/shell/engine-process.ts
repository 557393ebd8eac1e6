// The engine as the shell sees it: a process that serves ports, ends on request and says how it ended.
// Two ways to run it: inside Electron's utility process (the engine gets each port itself), or in a Node child
// (a port cannot be given to it, so the shell relays the messages of all ports over the child's one IPC channel).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { utilityProcess, type MessagePortMain } from 'electron';
import { mainPortTransport } from '../rpc/message-port.ts';
import { childTransport, closesInherited } from '../rpc/node-child.ts';
import { shareTransport } from '../rpc/share.ts';
import type { LauncherMode } from './launcher-mode.ts';

export interface EngineProcess {
  /** Resolves once, with the reason, when the process is gone. */
  exited: Promise<string>;
  /** Serves one more client over this port, until the port's other end is closed. */
  attach(port: MessagePortMain): void;
  /** The last lines of its error output. */
  log(): string;
  /** Lets it put its files in order, then ends it for good. */
  stop(): Promise<void>;
}

/** The engine drops half-written files and ends its own children in this time (a cancel takes up to 2 s). */
const stopGraceMs = 3000;
const logLimit = 4000;

export function startEngineProcess(mode: LauncherMode): EngineProcess {
  return mode.kind === 'node' ? startNodeChild(mode.entry, mode.program) : startUtility(mode.entry);
}

function startNodeChild(entry: string, program: string): EngineProcess {
  const child = fork(entry, [closesInherited], {
    execPath: program,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const engine = childTransport(child);
  const share = shareTransport(engine);
  const exited = new Promise<string>((resolve) => engine.onClose(resolve));
  return {
    exited,
    attach(port) {
      const page = mainPortTransport(port);
      const client = share();
      client.onMessage((message) => page.send(message));
      page.onMessage((message) => client.send(message));
      page.onClose(() => client.close());
    },
    log: keepTail(child.stdout!, child.stderr!),
    async stop() {
      if (child.connected) child.disconnect();
      if (!(await within(exited, stopGraceMs))) child.kill('SIGKILL');
    },
  };
}

function startUtility(entry: string): EngineProcess {
  const child = utilityProcess.fork(entry, [], { serviceName: 'Snug engine', stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code]) => `exit code ${code}`);
  return {
    exited,
    attach: (port) => child.postMessage({ port: 'engine' }, [port]),
    log: keepTail(child.stdout as Readable, child.stderr as Readable),
    async stop() {
      const { pid } = child;
      child.kill(); // its own children see their channel close and put their files in order
      if (pid !== undefined && !(await within(exited, stopGraceMs))) process.kill(pid, 'SIGKILL');
    },
  };
}

/** Passes a child's output on and remembers the end of it. */
function keepTail(...streams: Readable[]): () => string {
  let tail = '';
  for (const stream of streams) {
    stream.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk);
      tail = (tail + chunk.toString()).slice(-logLimit);
    });
  }
  return () => tail.trim();
}

/** Waits for the promise for at most so long; false where it took longer. */
async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: timeout, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  const inTime = await Promise.race([promise.then(() => true), timeout]);
  clearTimeout(timer);
  return inTime;
}
