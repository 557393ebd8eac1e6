// Under Linux a Node child inherits every descriptor that its parent did not mark to be closed on exec, and Chromium marks
// few. Among them may be the page's end of its channel to the window: as long as any process holds that, Chromium does not
// see that the page has died.
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { closesInherited } from '../rpc/node-child.ts';

/** The channel to the parent has this number, as the fourth of `stdio`. */
const channel = 3;
/** O_CLOEXEC as /proc writes it (proc_pid_fdinfo(5)). */
const closedOnExec = 0o2_000_000;

/**
 * Where the parent wishes it, closes what came from it besides the standard streams and the channel. To be called before
 * anything is opened; a debugger has its socket by then, so where one was asked for, nothing is closed.
 */
export function closeInherited(): void {
  if (process.platform !== 'linux' || !process.argv.includes(closesInherited)) return;
  if (/--(inspect|trace|perf)/.test(process.env['NODE_OPTIONS'] ?? '')) return;
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor > channel && isInherited(descriptor)) closeSync(descriptor);
  }
}

/**
 * Node opens its own to be closed on exec, but marks the lowest of those it got so too (uv_disable_stdio_inheritance); when
 * it starts it has neither sockets nor files of its own.
 */
function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
    if (flags !== undefined && (Number.parseInt(flags, 8) & closedOnExec) === 0) return true;
    return /^(socket:|\/(?!dev\/null))/.test(readlinkSync(`/proc/self/fd/${descriptor}`));
  } catch {
    return false; // that of the listing itself
  }
}
