// Large messages of which the other pieces never come: they are given up, and the room they took is free again.
import { serialize } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chunked, lookMs } from '../../src-main/rpc/chunks.ts';

const limitBytes = 2 ** 20;

/** The receiving end, and the way to it. */
function receiver() {
  let deliver = (_raw: unknown): void => {};
  const got: unknown[] = [];
  const transport = chunked(
    {
      send: () => {},
      sendThen: () => {},
      onMessage: (listener) => void (deliver = listener),
      onClose: () => {},
      close: () => {},
    },
    limitBytes,
  );
  transport.onMessage((message) => got.push(message));
  const send = (id: number, offset: number, bytes: Uint8Array, total = limitBytes): void =>
    deliver({ kind: 'chunk', stream: id, offset, total, bytes, of: { kind: 'request', id } });
  return { got, send };
}

const piece = new Uint8Array(8);

describe('a large message that stops midway', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is refused after a while, and makes room', () => {
    const { got, send } = receiver();
    for (const id of [1, 2, 3]) send(id, 0, piece);
    expect(got).toMatchObject([{ kind: 'refused', id: 3, why: 'many' }]);
    vi.advanceTimersByTime(2 * lookMs);
    expect(got.slice(1)).toMatchObject([
      { kind: 'refused', of: 'request', id: 1, why: 'stalled', bytes: limitBytes },
      { kind: 'refused', of: 'request', id: 2, why: 'stalled' },
    ]);
    expect(vi.getTimerCount()).toBe(0);
    const message = { kind: 'request', id: 4, method: 'a', params: 'b' };
    const content = serialize(message);
    send(4, 0, content, content.length);
    expect(got.at(-1)).toEqual(message);
    // What comes after all belongs to nothing any more.
    send(1, 8, piece);
    expect(got).toHaveLength(4);
  });

  it('goes on where its pieces are slow, but come', () => {
    const { got, send } = receiver();
    const message = { kind: 'request', id: 1, method: 'a', params: 'b'.repeat(40) };
    const content = serialize(message);
    for (let offset = 0; offset < content.length; offset += 10) {
      expect(got).toEqual([]);
      send(1, offset, content.subarray(offset, offset + 10), content.length);
      vi.advanceTimersByTime(lookMs - 1);
    }
    expect(got).toEqual([message]);
  });
});
