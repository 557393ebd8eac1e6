import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { largestMessageBytes } from '../../src-main/rpc/chunks.ts';
import { connect, type Client } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { echoApi } from './echo-child.ts';

interface Started extends Client<typeof echoApi> {
  child: ChildProcess;
}

function start(): Started {
  const child = fork(path.join(import.meta.dirname, 'echo-child.ts'), [], { serialization: 'advanced' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, ...connect(echoApi, childTransport(child)) };
}

/** The answers to messages that a test sends itself, by their ids, which no call of the client has. */
function answersTo({ child }: Started, ids: readonly number[]): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  return new Promise((resolve) =>
    child.on('message', (answer: Answer) => {
      if (ids.includes(answer.id)) answers.set(answer.id, answer);
      if (answers.size === ids.length) resolve(answers);
    }),
  );
}

interface Answer {
  id: number;
  kind: string;
  error?: { code: string; details: { why: string } };
}

/** The first piece of a request, as the other end's transport would send it. */
const pieceOf = (id: number, total: number): { stream: number; bytes: Uint8Array; offset: number } & object => ({
  ...{ kind: 'chunk', stream: id, offset: 0, total, bytes: new Uint8Array(8).fill(77), of: { kind: 'request', id } },
});

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

  it('refuse an answer that is too large, and live on', async () => {
    const { call } = start();
    await expect(call.make({ bytes: largestMessageBytes + 1 })).rejects.toMatchObject({
      code: 'INTERNAL',
      details: { of: 'result', why: 'large', limitBytes: largestMessageBytes },
    });
    expect(await call.add({ a: 2, b: 3 })).toBe(5);
  }, 60_000);

  it('refuse a large message that did not come in pieces, and live on', async () => {
    const started = start();
    const answer = answersTo(started, [900]);
    started.child.send({ kind: 'request', id: 900, method: 'echo', params: { bytes: new Uint8Array(4e6) } });
    expect((await answer).get(900)).toMatchObject({ error: { code: 'USAGE', details: { why: 'whole' } } });
    expect(await started.call.add({ a: 2, b: 3 })).toBe(5);
  });

  it('refuse a whole message that cannot be read, and live on', async () => {
    const started = start();
    const answer = answersTo(started, [900]);
    started.child.send(pieceOf(900, 8));
    expect((await answer).get(900)).toMatchObject({ error: { code: 'USAGE', details: { why: 'unreadable' } } });
    expect(await started.call.add({ a: 2, b: 3 })).toBe(5);
  });

  it('begin no more large messages than there is room for, and drop what is torn', async () => {
    const started = start();
    const [first, second, ...rest] = Array.from({ length: 40 }, (_, index) => 900 + index);
    const refused = answersTo(started, rest);
    for (const id of [first!, second!, ...rest]) started.child.send(pieceOf(id, largestMessageBytes));
    for (const { error } of (await refused).values()) expect(error?.details.why).toBe('many');
    const echo = (): Promise<Uint8Array> => started.call.echo({ bytes: new Uint8Array(1e6) });
    await expect(echo()).rejects.toMatchObject({ code: 'USAGE', details: { why: 'many' } });
    const torn = answersTo(started, [first!]);
    started.child.send({ ...pieceOf(first!, largestMessageBytes), offset: 512 });
    expect((await torn).get(first!)).toMatchObject({ error: { details: { why: 'unreadable' } } });
    expect(await echo()).toHaveLength(1e6);
  });

  it('carry large events, in order, and not one that is too large', async () => {
    const { call, on } = start();
    const seen: [number, number][] = [];
    const last = new Promise<void>((resolve) =>
      on('announced', ({ bytes }, seq) => {
        seen.push([seq, bytes.length]);
        if (bytes.length === 1) resolve();
      }),
    );
    await call.announce({ sizes: [2e6, 7, largestMessageBytes + 1, 1e6, 1] });
    await last;
    expect(seen).toEqual([
      [0, 2e6],
      [1, 7],
      [3, 1e6],
      [4, 1],
    ]);
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
