// The processes of a run, by what they run: read from /proc, because the window's engine starts children of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type RunningApp } from './app.ts';

interface Process {
  pid: number;
  parent: number;
  command: string;
}

function everyProcess(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, 'utf8');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const [state, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
        return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return []; // ended meanwhile
      }
    });
}

/** All processes below `pid`, children of children too. */
function descendants(pid: number): Process[] {
  const all = everyProcess();
  const below = (parent: number): Process[] =>
    all.filter((process) => process.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

/** Ids of the window's own process and of all below it. */
export function processesOf({ electron }: RunningApp): number[] {
  const pid = electron.process().pid!;
  return [pid, ...descendants(pid).map((process) => process.pid)];
}

/** The window's engine: a Node with its file, or Electron's process for Node services. */
export const findEngine = (app: RunningApp): number => find(app, 'engine', /engine\.js|node\.mojom\.NodeService/);

/** What computes for the run that goes on: a stage is told before its process has been started. */
export async function findWorker(app: RunningApp): Promise<number> {
  const pattern = /(worker|llama-host)\.js/;
  await eventually(() => firstOf(app, pattern) !== undefined);
  return find(app, 'worker', pattern);
}

function find(app: RunningApp, name: string, pattern: RegExp): number {
  const found = firstOf(app, pattern);
  if (found === undefined) throw new Error(`The window has no ${name} process.`);
  return found.pid;
}

const firstOf = ({ electron }: RunningApp, pattern: RegExp): Process | undefined =>
  descendants(electron.process().pid!).find(({ command }) => pattern.test(command));

/** Those of the processes that are still there after at most so long. */
export async function survivors(pids: readonly number[], milliseconds: number): Promise<Process[]> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const living = everyProcess().filter(({ pid }) => pids.includes(pid));
    if (living.length === 0 || performance.now() > deadline) return living;
    await sleep(100);
  }
}
