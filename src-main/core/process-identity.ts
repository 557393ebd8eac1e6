// Which process something belongs to. An id alone does not say: ids are used again, so what a dead process left would
// seem to be of the living one that has its id now. The time a process began tells the two apart.
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /**
   * When it began, as text to be compared and nothing else: clock ticks since boot, and which boot. null where the
   * system does not tell without another program (macOS, Windows): there the id alone counts.
   */
  startTime: string | null;
}

/** This process. */
export const thisProcess: ProcessIdentity = {
  pid: process.pid,
  startTime: readProcess(process.pid)?.startTime ?? null,
};

export const isSame = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid && one.startTime === other.startTime;

/** The process in a file's name: PID, or PID-START where the start is known. */
export const processTag = ({ pid, startTime }: ProcessIdentity): string =>
  startTime === null ? String(pid) : `${pid}-${startTime}`;

/** The process of a tag; null for what is none. */
export function readProcessTag(tag: string): ProcessIdentity | null {
  const found = /^(\d+)(?:-(\d+-[\da-f]{8}))?$/.exec(tag);
  return found && { pid: Number(found[1]), startTime: found[2] ?? null };
}

/** Whether the very process runs: one that has the same id and began at another time is not it, nor is one that has ended and was not collected yet. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  if (!hasId(pid)) return false;
  const found = readProcess(pid);
  if (found === null) return true; // hidden from us or not told by this system: the id counts
  return !found.hasEnded && (startTime === null || startTime === found.startTime);
}

function hasId(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Linux: proc_pid_stat(5). The name of the program, in brackets, may hold anything, brackets and spaces too; state is the first field behind it, starttime the 20th. */
function readProcess(pid: number): { startTime: string; hasEnded: boolean } | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const ticks = fields[19];
    if (ticks === undefined || !/^\d+$/.test(ticks)) return null;
    return { startTime: `${ticks}-${bootId()}`, hasEnded: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return null;
  }
}

/** Eight hexadecimal digits, other ones after every boot; the clock of /proc/stat's btime may be set while processes run. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
}
