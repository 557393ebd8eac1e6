import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineApi, type HandlersOf } from '../../src-main/contract/define-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { serve } from '../../src-main/rpc/server.ts';
import { transportPair } from '../../src-main/rpc/transport.ts';

const api = defineApi({
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number() },
    fail: { params: z.object({}), result: z.null() },
    wait: { params: z.object({}), result: z.null() },
    count: { params: z.object({ to: z.number() }), result: z.number(), progress: z.number() },
    list: {
      params: z.object({ to: z.number() }),
      result: z.null(),
      progress: z.array(z.number()),
      mergeProgress: (waiting: number[], next: number[]) => [...waiting, ...next],
    },
  },
  events: { changed: z.object({ value: z.number() }) },
});

const handlers = {
  add: ({ a, b }) => a + b,
  fail: () => {
    throw new AppError('DISK_FULL', 'no room', { freeBytes: 3 });
  },
  wait: (_params, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  count: ({ to }, { progress }) => {
    for (let value = 1; value <= to; value++) progress(value);
    return to;
  },
  list: ({ to }, { progress }) => {
    for (let value = 1; value <= to; value++) progress([value]);
    return null;
  },
} satisfies HandlersOf<typeof api>;

function pair() {
  const [near, far] = transportPair();
  return { client: connect(api, near), server: serve(api, handlers, far), near, far };
}

describe('rpc', () => {
  it('answers a request', async () => {
    expect(await pair().client.call.add({ a: 2, b: 3 })).toBe(5);
  });

  it('carries errors with code and details', async () => {
    const error = await pair()
      .client.call.fail({})
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'DISK_FULL', message: 'no room', details: { freeBytes: 3 } });
  });

  it('refuses parameters that do not match', async () => {
    const wrong = { a: 'two', b: 3 } as unknown as { a: number; b: number };
    await expect(pair().client.call.add(wrong)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('refuses methods that do not exist, those of Object included', async () => {
    const { near } = pair();
    const answer = new Promise((resolve) => near.onMessage(resolve));
    near.send({ kind: 'request', id: 99, method: 'toString', params: {} });
    expect(await answer).toMatchObject({ kind: 'error', id: 99, error: { code: 'USAGE' } });
  });

  it.each([7, null, undefined])('answers a request whose method is %s', async (method) => {
    const { near } = pair();
    const answer = new Promise((resolve) => near.onMessage(resolve));
    near.send({ kind: 'request', id: 99, method, params: {} });
    expect(await answer).toMatchObject({ kind: 'error', id: 99, error: { code: 'USAGE' } });
  });

  it('cancels', async () => {
    const { client } = pair();
    const controller = new AbortController();
    const waiting = client.call.wait({}, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('throttles progress and always sends the last value before the result', async () => {
    const seen: number[] = [];
    await pair().client.call.count({ to: 5000 }, { onProgress: (value) => seen.push(value) });
    expect(seen.at(-1)).toBe(5000);
    expect(seen.length).toBeLessThan(20);
  });

  it('loses no progress where the API merges it, and throttles it as well', async () => {
    const seen: number[][] = [];
    await pair().client.call.list({ to: 5000 }, { onProgress: (values) => seen.push(values) });
    expect(seen.flat()).toEqual(Array.from({ length: 5000 }, (_, index) => index + 1));
    expect(seen.length).toBeLessThan(20);
  });

  it('survives malformed messages', async () => {
    const { client, near, far } = pair();
    for (const message of [
      null,
      7,
      'x',
      {},
      { kind: 'request' },
      { kind: 'result', id: -1 },
      { kind: 'event', name: 3 },
    ]) {
      near.send(message);
      far.send(message);
    }
    expect(await client.call.add({ a: 1, b: 1 })).toBe(2);
  });

  it('delivers events in order with sequence numbers', async () => {
    const { client, server } = pair();
    const seen: [number, number][] = [];
    client.on('changed', ({ value }, seq) => seen.push([value, seq]));
    for (let value = 0; value < 3; value++) server.emit('changed', { value });
    await client.call.add({ a: 0, b: 0 });
    expect(seen).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });

  it('rejects open requests when the other end goes away', async () => {
    const { client, far } = pair();
    const waiting = client.call.wait({});
    far.close();
    await expect(waiting).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
    await expect(client.call.add({ a: 1, b: 1 })).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
  });
});
