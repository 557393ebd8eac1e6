// Names of unfinished files. Every process writes parts of its own, PATH.PID.part, so that two never write into
// one; parts whose process is gone are left-overs of a crash and are removed.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../process-identity.ts';

/** Parts that this process writes now. */
const ownParts = new Set<string>();

export function partPath(path: string): string {
  return `${path}.${process.pid}.part`;
}

/** Takes a part's name for one writer of this process; false when another one has it. */
export function claimPart(part: string): boolean {
  if (ownParts.has(part)) return false;
  ownParts.add(part);
  return true;
}

export function releasePart(part: string): void {
  ownParts.delete(part);
}

/** Whether a process of this id exists. */
export const isRunning = (pid: number): boolean => isAlive({ pid, startTime: null });

/**
 * Removes the parts that dead processes left of `path` and of names made from it (candidates, parts of parts); returns a part that another
 * process is writing, or null.
 */
export async function sweepParts(path: string): Promise<string | null> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  let busy: string | null = null;
  for (const name of await readdir(folder)) {
    const match = name.startsWith(prefix) ? /(?:^|\.)(\d+)\.part$/.exec(name.slice(prefix.length)) : null;
    const pid = Number(match?.[1] ?? process.pid);
    if (pid === process.pid) continue;
    const part = join(folder, name);
    if (isRunning(pid)) busy = part;
    else await rm(part, { force: true, recursive: true });
  }
  return busy;
}
