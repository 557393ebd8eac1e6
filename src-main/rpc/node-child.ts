// Transport between a Node process and a child that it forked; structured clone keeps typed arrays.
import type { ChildProcess } from 'node:child_process';
import { chunked } from './chunks.ts';
import type { Transport } from './transport.ts';

/** Argument of a child that closes what it inherits besides the standard streams and the channel (engine/inherited.ts). */
export const closesInherited = '--close-inherited';

/** The parent's end. The close reason names the exit code or signal. */
export function childTransport(child: ChildProcess): Transport {
  const closeListeners: ((reason: string) => void)[] = [];
  let closed = false;
  const close = (reason: string): void => {
    if (closed) return;
    closed = true;
    for (const listener of closeListeners) listener(reason);
  };
  child.once('error', (error) => close(error.message)); // never started, for example a wrong path
  // 'close' comes after the last line of a piped stderr, so that the reason can quote it.
  child.once(child.stderr ? 'close' : 'exit', (code: number | null, signal: string | null) =>
    close(signal === null ? `exit code ${code}` : `signal ${signal}`),
  );
  const sendThen = (message: unknown, done: () => void): void => {
    if (child.connected) child.send(message as object, done); // a failed send is followed by exit
  };
  return chunked({
    send: (message) => sendThen(message, () => {}),
    sendThen,
    onMessage: (listener) => void child.on('message', listener),
    onClose: (listener) => void closeListeners.push(listener),
    close: () => child.kill('SIGKILL'),
  });
}

/** Time for a child whose parent is gone to drop its half-written files. */
const orphanGraceMs = 3000;

/** The child's end, on its own process object. The process ends when its parent goes away. */
export function parentTransport(): Transport {
  const send = process.send?.bind(process);
  if (!send) throw new Error('This program is a child process of Snug and cannot be started by itself.');
  process.once('disconnect', () => setTimeout(() => process.exit(1), orphanGraceMs).unref());
  const sendThen = (message: unknown, done: () => void): void => void send(message, undefined, undefined, done);
  return chunked({
    send: (message) => sendThen(message, () => {}), // the parent may be gone already
    sendThen,
    onMessage: (listener) => void process.on('message', listener),
    onClose: (listener) => void process.once('disconnect', () => listener('the parent process is gone')),
    close: () => process.disconnect(),
  });
}
