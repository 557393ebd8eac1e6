import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineApi, type HandlersOf } from '../../src-main/contract/define-api.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { serve } from '../../src-main/rpc/server.ts';
import { shareTransport } from '../../src-main/rpc/share.ts';
import { transportPair } from '../../src-main/rpc/transport.ts';

const api = defineApi({
  methods: {
    echo: { params: z.object({ text: z.string() }), result: z.string(), progress: z.string() },
    wait: { params: z.object({}), result: z.null() },
  },
  events: { changed: z.string() },
});

function shared() {
  const [near, far] = transportPair();
  const aborted: string[] = [];
  const seen: unknown[] = [];
  far.onMessage((message) => seen.push(message));
  const handlers = {
    echo: ({ text }, { progress }) => {
      progress(`reading ${text}`);
      return text;
    },
    wait: (_params, { signal }) =>
      new Promise<null>((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted.push('wait');
          reject(signal.reason as Error);
        }),
      ),
  } satisfies HandlersOf<typeof api>;
  const server = serve(api, handlers, far);
  return { share: shareTransport(near), server, aborted, seen };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('a shared transport', () => {
  it('gives every client its own answers and progress, though both count from zero', async () => {
    const { share } = shared();
    const clients = [connect(api, share()), connect(api, share())];
    const told: string[] = [];
    const answers = clients.map(({ call }, index) =>
      call.echo({ text: `client ${index}` }, { onProgress: (text) => told.push(`${index}: ${text}`) }),
    );
    expect(await Promise.all(answers)).toEqual(['client 0', 'client 1']);
    expect(told.toSorted()).toEqual(['0: reading client 0', '1: reading client 1']);
  });

  it('sends events to all of them', async () => {
    const { share, server } = shared();
    const heard: string[] = [];
    for (const name of ['a', 'b']) connect(api, share()).on('changed', (value) => heard.push(`${name} ${value}`));
    server.emit('changed', 'now');
    await settled();
    expect(heard).toEqual(['a now', 'b now']);
  });

  it('cancels what a closed client waits for, and gives its late answers to nobody', async () => {
    const { share, aborted } = shared();
    const first = share();
    const late: unknown[] = [];
    first.onMessage((message) => late.push(message));
    first.send({ kind: 'request', id: 0, method: 'wait', params: {} });
    await settled();
    first.close();
    expect(await connect(api, share()).call.echo({ text: 'next' })).toBe('next');
    expect(aborted).toEqual(['wait']);
    expect(late).toEqual([]);
  });

  it('passes nothing on but requests and cancels of ids that a client may have', async () => {
    const { share, seen } = shared();
    const client = share();
    for (const message of [
      { kind: 'request', id: 2 ** 32, method: 'echo', params: { text: 'of another client' } },
      { kind: 'chunk', id: 1 },
      { kind: 'result', id: 1, result: 'forged' },
      { kind: 'event', name: 'changed', seq: 0, payload: 'forged' },
      { kind: 'request', id: -1 },
      null,
      'text',
    ])
      client.send(message);
    await settled();
    expect(seen).toEqual([]);
  });
});
