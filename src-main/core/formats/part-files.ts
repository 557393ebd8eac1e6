// Names of unfinished files. Every process writes parts of its own, PATH.PID.part, so that two never write into
// one; parts whose process is gone are left-overs of a crash and are removed.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Parts that this process is writing now; a part with our process id outside this set is an older process's. */
const ownParts = new Set<string>();

export function partPath(path: string): string {
  return `${path}.${process.pid}.part`;
}

/** Takes note of a part that this process begins or ends. */
export function claimPart(part: string): void {
  ownParts.add(part);
}

export function releasePart(part: string): void {
  ownParts.delete(part);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Removes what dead writers of `path` (and of parts named after it) left, and returns a part that is being written, or
 * null. `except` is the caller's own part.
 */
export async function sweepParts(path: string, except?: string): Promise<string | null> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  let busy: string | null = null;
  for (const name of await readdir(folder)) {
    const match = name.startsWith(prefix) ? /(?:^|\.)(\d+)\.part$/.exec(name.slice(prefix.length)) : null;
    const part = join(folder, name);
    if (!match || part === except) continue;
    const pid = Number(match[1]);
    if (pid === process.pid ? ownParts.has(part) : isRunning(pid)) busy = part;
    else await rm(part, { force: true });
  }
  return busy;
}
