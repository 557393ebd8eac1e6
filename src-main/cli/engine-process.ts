// The engine as a child of the command line. It runs in a process group of its own, so that Ctrl-C on a terminal reaches
// only the command line, which then cancels in order.
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { engineApi, type EngineApi } from '../contract/engine-api.ts';
import { AppError } from '../contract/errors.ts';
import { connect, type Client } from '../rpc/client.ts';
import { childTransport } from '../rpc/node-child.ts';

export interface Engine extends Client<EngineApi> {
  /** Resolves with the reason when the engine is gone before it was closed. */
  lost: Promise<AppError>;
  /** Lets the engine end by itself; waits a moment for it, or `waitMs`, and ends it then. */
  close(waitMs?: number): Promise<void>;
  /** Ends the engine and everything it started, at once. */
  kill(): void;
}

/** An engine that has nothing left to do ends much faster; its own limit for clearing up is shorter than this. */
const closeWaitMs = 3000;

/** The engine's program beside this one: a source file when run from source, else the bundle. */
export function engineFile(): string {
  const fromSource = import.meta.filename.endsWith('.ts');
  return path.join(import.meta.dirname, fromSource ? '../engine/main.ts' : 'engine.js');
}

/** Starts the engine at `file` and connects to it. */
export function startEngine(file: string): Engine {
  const child = fork(file, [], {
    execPath: process.execPath,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: process.platform !== 'win32',
  });
  const transport = childTransport(child);
  const lost = Promise.withResolvers<AppError>();
  transport.onClose((reason) => lost.resolve(lostEngine(reason)));
  const client = connect(engineApi, transport, { closedError: lostEngine });
  return { ...client, lost: lost.promise, close: (waitMs) => closeEngine(child, waitMs), kill: () => killGroup(child) };
}

function lostEngine(reason: string): AppError {
  return new AppError('WORKER_CRASHED', `Snug's engine ended unexpectedly (${reason}).`, { process: 'engine', reason });
}

async function closeEngine(child: ChildProcess, waitMs = closeWaitMs): Promise<void> {
  if (child.connected) child.disconnect();
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        killGroup(child); // stuck: nothing of it may outlive the command line
        resolve();
      }, waitMs);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  child.unref();
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') return void child.kill('SIGKILL');
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // the group is gone already
  }
}
