// The processes of a run, by what they run: read from /proc, because the window's engine starts children of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

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
export function descendants(pid: number): Process[] {
  const all = everyProcess();
  const below = (parent: number): Process[] => all.filter((process) => process.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

/** The engine that the window with this process id runs. */
export function findEngine(pid: number): number {
  const engine = descendants(pid).find(({ command }) => command.includes('engine.js'));
  if (engine === undefined) throw new Error('The window has no engine process.');
  return engine.pid;
}

/** Those of the processes that are still there after at most so long. */
export async function survivors(pids: readonly number[], milliseconds: number): Promise<Process[]> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const living = everyProcess().filter(({ pid }) => pids.includes(pid));
    if (living.length === 0 || performance.now() > deadline) return living;
    await sleep(100);
  }
}
