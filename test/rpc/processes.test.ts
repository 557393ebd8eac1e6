import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { largestMessageBytes } from '../../src-main/rpc/chunks.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { echoApi } from './echo-child.ts';

function start(): { child: ChildProcess; call: ReturnType<typeof connect<typeof echoApi>>['call'] } {
  const child = fork(path.join(import.meta.dirname, 'echo-child.ts'), [], { serialization: 'advanced' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, call: connect(echoApi, childTransport(child)).call };
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('calls between processes', () => {
  it('carry 64 MB there and back, whole, while progress of another call goes on', async () => {
    const { call } = start();
    const times: number[] = [];
    const stop = new AbortController();
    const ticking = call.tick({}, { signal: stop.signal, onProgress: () => times.push(performance.now()) });
    await call.add({ a: 1, b: 1 });
    const bytes = randomFillSync(new Uint8Array(64e6));
    const [begun, answer] = [performance.now(), await call.echo({ bytes })];
    const ended = performance.now();
    stop.abort();
    await expect(ticking).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(hashOf(answer)).toBe(hashOf(bytes));
    // The longest silence is a small part of what the payload took: it was not held up behind it.
    const during = [begun, ...times.filter((time) => time > begun && time < ended), ended];
    const silences = during.slice(1).map((time, index) => time - during[index]!);
    expect(Math.max(...silences)).toBeLessThan((ended - begun) / 2);
  }, 60_000);

  it('keep the order of a call: a cancel does not overtake its large request', async () => {
    const { call } = start();
    const stop = new AbortController();
    const echo = call.echo({ bytes: new Uint8Array(8e6) }, { signal: stop.signal });
    stop.abort();
    // Cancelled or answered, but not left open.
    await Promise.race([echo.catch(() => null), new Promise((_resolve, reject) => setTimeout(reject, 20_000))]);
    expect(await call.add({ a: 2, b: 3 })).toBe(5);
  }, 30_000);

  it('refuse what is too large, and live on', async () => {
    const { call } = start();
    await expect(call.echo({ bytes: new Uint8Array(largestMessageBytes + 1) })).rejects.toMatchObject({
      code: 'USAGE',
      details: { limitBytes: largestMessageBytes },
    });
    expect(await call.add({ a: 2, b: 3 })).toBe(5);
  }, 60_000);

  it('refuse what is no message, and live on', async () => {
    const { child, call } = start();
    for (const nonsense of [
      'text',
      null,
      { kind: 'chunk', stream: 0, offset: 0, total: -1, bytes: 'no', of: null },
      {
        kind: 'chunk',
        stream: 7,
        offset: 512,
        total: 1024,
        bytes: new Uint8Array(512),
        of: { kind: 'request', id: 1 },
      },
      { kind: 'request', id: 'x' },
    ])
      child.send(nonsense as object);
    expect(await call.add({ a: 2, b: 3 })).toBe(5);
  });
});
