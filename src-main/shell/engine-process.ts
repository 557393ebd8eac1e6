// The engine as the shell sees it: a process that serves one port, ends on request and says how it ended.
// Two ways to run it: inside Electron's utility process (the engine gets the port itself), or in a Node child
// (a port cannot be given to it, so the shell relays every message over the child's IPC channel).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { utilityProcess, type MessagePortMain } from 'electron';
import { mainPortTransport } from '../rpc/message-port.ts';
import { childTransport } from '../rpc/node-child.ts';
import type { LauncherMode } from './launcher-mode.ts';

export interface EngineProcess {
  /** Resolves once, with the reason, when the process is gone. */
  exited: Promise<string>;
  /** True as soon as the engine has said anything over its port. */
  wasReady(): boolean;
  /** The last lines of its error output. */
  log(): string;
  /** Lets it put its files in order, then ends it for good. */
  stop(): Promise<void>;
}

/** The engine drops half-written files and ends its own children in this time (a cancel takes up to 2 s). */
const stopGraceMs = 3000;
const logLimit = 4000;

export function startEngineProcess(mode: LauncherMode, port: MessagePortMain): EngineProcess {
  return mode.kind === 'node' ? startNodeChild(mode.entry, mode.program, port) : startUtility(mode.entry, port);
}

function startNodeChild(entry: string, program: string, port: MessagePortMain): EngineProcess {
  const child = fork(entry, [], {
    execPath: program,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const engine = childTransport(child);
  const page = mainPortTransport(port);
  let ready = false;
  engine.onMessage((message) => {
    ready = true;
    page.send(message);
  });
  page.onMessage((message) => engine.send(message));
  const exited = new Promise<string>((resolve) => engine.onClose(resolve));
  return {
    exited,
    wasReady: () => ready,
    log: keepTail(child.stdout!, child.stderr!),
    async stop() {
      if (child.connected) child.disconnect();
      if (!(await within(exited, stopGraceMs))) child.kill('SIGKILL');
    },
  };
}

function startUtility(entry: string, port: MessagePortMain): EngineProcess {
  const child = utilityProcess.fork(entry, [], { serviceName: 'Snug engine', stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code]) => `exit code ${code}`);
  child.postMessage({ port: 'engine' }, [port]);
  return {
    exited,
    wasReady: () => false, // its messages go straight to the page
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
