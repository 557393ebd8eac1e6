// Large messages between processes go in pieces, so that what is small and urgent (progress, a cancel of another call)
// is not held up behind them. What is too large to be taken is refused, and both ends live on.
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import type { Transport } from './transport.ts';

/** Messages above this go in pieces of this. */
const pieceBytes = 2 ** 18;
/** What an end takes at most. */
export const largestMessageBytes = 2 ** 28;

const chunk = z.object({
  kind: z.literal('chunk'),
  /** One number for all pieces of a message. */
  stream: z.number().int().nonnegative(),
  offset: z.number().int().nonnegative(),
  /** Of the whole message. */
  total: z.number().int().positive(),
  bytes: z.instanceof(Uint8Array),
  /** What the message is, for the answer where it is refused. */
  of: z.object({ kind: z.string(), id: z.number().int().nonnegative() }),
});
type Chunk = z.infer<typeof chunk>;

/** A transport whose other end calls back when a message is on its way. */
export interface PacedTransport extends Transport {
  sendThen(message: unknown, done: () => void): void;
}

interface Assembly {
  target: Uint8Array;
  filled: number;
}

/**
 * A transport over `base` that splits large messages. Messages of one call keep their order; those of other calls pass.
 * A message above `limitBytes` arrives as `{ kind: 'refused', of, id, bytes, limitBytes }`.
 */
export function chunked(base: PacedTransport, limitBytes = largestMessageBytes): Transport {
  const sender = new Sender(base);
  const receiver = new Receiver(limitBytes);
  return {
    send: (message) => sender.send(message),
    onMessage: (listener) =>
      base.onMessage((raw) => {
        const piece = chunk.safeParse(raw);
        if (!piece.success) return listener(raw);
        const message = receiver.take(piece.data);
        if (message !== null) listener(message);
      }),
    onClose: (listener) => base.onClose(listener),
    close: () => base.close(),
  };
}

class Sender {
  readonly #base: PacedTransport;
  /** What is to follow on the call whose pieces are being sent. */
  readonly #waiting = new Map<number, unknown[]>();
  #streams = 0;

  constructor(base: PacedTransport) {
    this.#base = base;
  }

  send(message: unknown): void {
    const id = idOf(message);
    const behind = id === null ? undefined : this.#waiting.get(id);
    if (behind) behind.push(message);
    else if (id !== null && sizeOf(message) > pieceBytes) this.#sendPieces(message, id);
    else this.#base.send(message);
  }

  #sendPieces(message: unknown, id: number): void {
    const content = serialize(message);
    const { kind } = message as { kind: string };
    const stream = this.#streams++;
    this.#waiting.set(id, []);
    const sendFrom = (offset: number): void => {
      if (offset >= content.length) return this.#finish(id);
      const bytes = content.subarray(offset, offset + pieceBytes);
      const piece: Chunk = { kind: 'chunk', stream, offset, total: content.length, bytes, of: { kind, id } };
      // The next piece waits until this one is on its way: other messages come between.
      this.#base.sendThen(piece, () => setImmediate(sendFrom, offset + pieceBytes));
    };
    sendFrom(0);
  }

  #finish(id: number): void {
    const behind = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const message of behind) this.send(message);
  }
}

class Receiver {
  readonly #limitBytes: number;
  readonly #assemblies = new Map<number, Assembly>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The message when it is whole, or what tells that it is refused; null until then. */
  take({ stream, offset, total, bytes, of }: Chunk): unknown {
    if (total > this.#limitBytes)
      return offset === 0
        ? { kind: 'refused', of: of.kind, id: of.id, bytes: total, limitBytes: this.#limitBytes }
        : null;
    const assembly = this.#assemblies.get(stream) ?? { target: new Uint8Array(total), filled: 0 };
    if (offset !== assembly.filled || offset + bytes.length > assembly.target.length) return null; // no piece of ours
    this.#assemblies.set(stream, assembly);
    assembly.target.set(bytes, offset);
    assembly.filled += bytes.length;
    if (assembly.filled < total) return null;
    this.#assemblies.delete(stream);
    return deserialize(assembly.target);
  }
}

/** Of the call that a message belongs to; null for events and what is no message. */
function idOf(message: unknown): number | null {
  const { id } = (message ?? {}) as { id?: unknown };
  return typeof id === 'number' ? id : null;
}

/** About, and never more than the work of a look at each object: typed arrays and text count, the rest is small. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value === null || typeof value !== 'object') return 8;
  let size = 0;
  for (const part of Object.values(value)) {
    size += sizeOf(part);
    if (size > pieceBytes) return size;
  }
  return size;
}
