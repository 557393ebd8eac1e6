// Which process something belongs to. An id alone does not say: ids are used again, so what a dead process left would
// seem to be of the living one that has its id now. The time a process began tells the two apart.
import { readFileSync, readlinkSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /**
   * When it began, as text to be compared and nothing else: clock ticks since boot, which boot, and in which PID
   * namespace. null where the system does not tell without another program (macOS, Windows): there the id alone counts.
   */
  startTime: string | null;
}

/** This process. */
export const thisProcess: ProcessIdentity = {
  pid: process.pid,
  startTime: ownStartTime(),
};

export const isSame = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid && one.startTime === other.startTime;

/** Where no start is known: of a boot that no system tells. */
const unknownStart = '0-00000000';

/** How a process is named in a file's name, in a regular expression. The same everywhere, and nothing that a date or a number of the user's looks like. */
export const tagPattern = String.raw`\d+-\d+-[\da-f]{8}(?:[\da-f]{8})?`;
const wholeTag = new RegExp(`^${tagPattern}$`);

/** The process in a file's name: PID-START. */
export const processTag = ({ pid, startTime }: ProcessIdentity): string => `${pid}-${startTime ?? unknownStart}`;

/** The process of a tag; null for what is none. */
export function readProcessTag(tag: string): ProcessIdentity | null {
  if (!wholeTag.test(tag)) return null;
  const dash = tag.indexOf('-');
  const start = tag.slice(dash + 1);
  return { pid: Number(tag.slice(0, dash)), startTime: start === unknownStart ? null : start };
}

/**
 * Whether the very process may run: one that has the same id and began at another time is not it, nor is one that has
 * ended and was not collected yet. Of one that cannot be judged, yes.
 */
export const isAlive = (identity: ProcessIdentity): boolean => judge(identity) !== 'gone';

/**
 * What can be told of a process by its identity. unsure: it is of another PID namespace (a container), where ids are
 * other ones, or its id is in use and the system does not tell since when.
 */
export function judge(identity: ProcessIdentity): 'alive' | 'gone' | 'unsure' {
  const { pid, startTime } = identity;
  if (isElsewhere(identity)) return 'unsure';
  if (!hasId(pid)) return 'gone';
  const found = readProcess(pid);
  if (found === null) return 'unsure'; // hidden from us or not told by this system
  if (found.hasEnded) return 'gone';
  if (startTime === null) return 'unsure';
  return withoutNamespace(startTime) === found.startTime ? 'alive' : 'gone';
}

/** Whether a process is of another PID namespace of this boot; one of an earlier boot is gone, wherever it was. */
export function isElsewhere({ startTime }: ProcessIdentity): boolean {
  const [, boot, namespace] = /^\d+-([\da-f]{8})([\da-f]{8})$/.exec(startTime ?? '') ?? [];
  const [, ownBoot, own] = /^\d+-([\da-f]{8})([\da-f]{8})$/.exec(thisProcess.startTime ?? '') ?? [];
  return namespace !== undefined && own !== undefined && boot === ownBoot && namespace !== own;
}

/** Ticks and boot. */
const withoutNamespace = (startTime: string): string => startTime.replace(/(-[\da-f]{8})[\da-f]{8}$/, '$1');

function ownStartTime(): string | null {
  const found = readProcess(process.pid);
  return found && found.startTime + pidNamespace();
}

/** pid_namespaces(7): its number as eight hexadecimal digits; empty where the kernel has none. */
function pidNamespace(): string {
  try {
    const number = /^pid:\[(\d+)\]$/.exec(readlinkSync('/proc/self/ns/pid'))?.[1];
    return number === undefined ? '' : Number(number).toString(16).padStart(8, '0');
  } catch {
    return '';
  }
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
