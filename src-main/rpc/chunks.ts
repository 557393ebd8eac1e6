// Large messages between processes go in pieces, so that what is small and urgent (progress, a cancel of another call)
// is not held up behind them. What is too large to be taken, or cannot be read, is refused, and both ends live on.
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import { idOf, kindOf, sizeOf } from './message-size.ts';
import type { Transport } from './transport.ts';
import { messageKind, type Refused } from './wire.ts';

/** Messages above this go in pieces of this. */
const pieceBytes = 2 ** 18;
/** What an end takes at most as one message that came whole: its sender counted the same way, so there is room to spare. */
const largestWholeBytes = 2 * pieceBytes;
/** What an end takes at most. */
export const largestMessageBytes = 2 ** 28;
/** Unfinished messages that an end holds at most, in sizes of the largest: a few large calls may be under way at once. */
const largestAtOnce = 2;
/**
 * An unfinished message is dropped when none of its pieces came between two looks: a sender writes the next one as soon as
 * the last is on its way, and no process of Snug holds its event loop for so long, which has to cancel within 2 s. Looks are
 * counted, not time: pieces that wait while this end was busy or asleep are read before the second one.
 */
export const lookMs = 30_000;

const chunk = z.object({
  kind: z.literal('chunk'),
  /** One number for all pieces of a message. */
  stream: z.number().int().nonnegative(),
  offset: z.number().int().nonnegative(),
  /** Of the whole message. */
  total: z.number().int().positive(),
  bytes: z.instanceof(Uint8Array).refine(({ length }) => length <= pieceBytes),
  /** What the message is, for the answer where it is refused; events have no id, and no answer. */
  of: z.object({ kind: messageKind, id: z.number().int().nonnegative().nullable() }),
});
type Chunk = z.infer<typeof chunk>;

/** A transport whose other end calls back when a message is on its way. */
export interface PacedTransport extends Transport {
  sendThen(message: unknown, done: () => void): void;
}

interface Assembly {
  target: Uint8Array;
  filled: number;
  of: Chunk['of'];
  /** Since the last look. */
  isAlive: boolean;
}

/**
 * A transport over `base` that splits large messages. Messages of one call keep their order, and events do; others pass.
 * What is refused arrives as `Refused`, whether this end or the other one refused it; of an event nothing arrives.
 */
export function chunked(base: PacedTransport, limitBytes = largestMessageBytes): Transport {
  const sender = new Sender(base, limitBytes);
  const listeners: ((message: unknown) => void)[] = [];
  const tell = (message: unknown): void => {
    if (message !== null) for (const listener of listeners) listener(message);
  };
  const receiver = new Receiver(limitBytes, tell);
  return {
    send: (message) => sender.send(message),
    onMessage: (listener) => {
      if (listeners.push(listener) === 1) base.onMessage((raw) => tell(receiver.take(raw)));
    },
    onClose: (listener) => base.onClose(listener),
    close: () => base.close(),
  };
}

class Sender {
  readonly #base: PacedTransport;
  readonly #limitBytes: number;
  /** What is to follow on the call whose pieces are being sent; by null, the events. */
  readonly #waiting = new Map<number | null, unknown[]>();
  #streams = 0;

  constructor(base: PacedTransport, limitBytes: number) {
    this.#base = base;
    this.#limitBytes = limitBytes;
  }

  send(message: unknown): void {
    const id = idOf(message);
    const behind = this.#waiting.get(id);
    if (behind) behind.push(message);
    else if (sizeOf(message, pieceBytes) > pieceBytes) this.#sendPieces(message, id);
    else this.#base.send(message);
  }

  #sendPieces(message: unknown, id: number | null): void {
    const content = serialize(message);
    const of = { kind: kindOf(message) as Chunk['of']['kind'], id };
    if (content.length > this.#limitBytes) {
      // An event is left out: whoever follows events sees the gap in their numbers.
      const refused = refusalOf(of, { why: 'large', bytes: content.length, limitBytes: this.#limitBytes });
      if (refused) this.#base.send(refused);
      return;
    }
    const stream = this.#streams++;
    this.#waiting.set(id, []);
    const sendFrom = (offset: number): void => {
      if (offset >= content.length) return this.#finish(id);
      const bytes = content.subarray(offset, offset + pieceBytes);
      const piece: Chunk = { kind: 'chunk', stream, offset, total: content.length, bytes, of };
      // The next piece waits until this one is on its way: other messages come between.
      this.#base.sendThen(piece, () => setImmediate(sendFrom, offset + pieceBytes));
    };
    sendFrom(0);
  }

  #finish(id: number | null): void {
    const behind = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const message of behind) this.send(message);
  }
}

class Receiver {
  readonly #limitBytes: number;
  readonly #assemblies = new Map<number, Assembly>();
  readonly #tell: (refused: Refused | null) => void;
  #unfinishedBytes = 0;
  #looks: NodeJS.Timeout | null = null;

  /** @param tell is told of messages that are given up without a piece */
  constructor(limitBytes: number, tell: (refused: Refused | null) => void) {
    this.#limitBytes = limitBytes;
    this.#tell = tell;
  }

  /** The message that `raw` is or completes, or what tells that it is refused; null until then, and for what is no message. */
  take(raw: unknown): unknown {
    if (kindOf(raw) !== 'chunk') return whole(raw);
    const piece = chunk.safeParse(raw);
    if (!piece.success) return null;
    const { stream, total, of } = piece.data;
    try {
      const why = this.#whyNotBegun(piece.data);
      return why === null ? this.#add(piece.data) : refusalOf(of, { why, bytes: total, limitBytes: this.#limitBytes });
    } catch {
      // Pieces that do not fit together, or content that is none of ours.
      this.#drop(stream);
      return refusalOf(of, { why: 'unreadable', bytes: total, limitBytes: this.#limitBytes });
    }
  }

  /** Makes room for a message that begins; null where there is room, or nothing begins. */
  #whyNotBegun({ stream, offset, total, of }: Chunk): Refused['why'] | null {
    if (offset > 0 || this.#assemblies.has(stream)) return null;
    if (total > this.#limitBytes) return 'large';
    if (this.#unfinishedBytes + reserved(total) > largestAtOnce * this.#limitBytes) return 'many';
    this.#assemblies.set(stream, { target: new Uint8Array(total), filled: 0, of, isAlive: true });
    this.#unfinishedBytes += reserved(total);
    this.#looks ??= setInterval(() => this.#look(), lookMs).unref();
    return null;
  }

  /** @throws for a piece that does not fit, and for a whole that cannot be read */
  #add({ stream, offset, bytes }: Chunk): unknown {
    const assembly = this.#assemblies.get(stream);
    if (!assembly) return null; // of a message that was refused when it began
    const { target } = assembly;
    if (offset !== assembly.filled) throw new RangeError(`A piece for ${offset} came at ${assembly.filled}.`);
    target.set(bytes, offset);
    assembly.filled += bytes.length;
    assembly.isAlive = true;
    if (assembly.filled < target.length) return null;
    this.#drop(stream);
    return deserialize(target);
  }

  #drop(stream: number): void {
    const assembly = this.#assemblies.get(stream);
    if (assembly) this.#unfinishedBytes -= reserved(assembly.target.length);
    this.#assemblies.delete(stream);
    if (this.#assemblies.size > 0 || this.#looks === null) return;
    clearInterval(this.#looks);
    this.#looks = null;
  }

  /** Drops what brought nothing since the last look, so that the room it takes is free again. */
  #look(): void {
    for (const [stream, assembly] of this.#assemblies) {
      const { isAlive, of, target } = assembly;
      assembly.isAlive = false;
      if (isAlive) continue;
      this.#drop(stream);
      this.#tell(refusalOf(of, { why: 'stalled', bytes: target.length, limitBytes: this.#limitBytes }));
    }
  }
}

/** At least a piece each, so that there is a bound on their number too. */
const reserved = (total: number): number => Math.max(total, pieceBytes);

/** A message that came whole, unless its sender should have sent it in pieces. */
function whole(raw: unknown): unknown {
  const bytes = sizeOf(raw, largestWholeBytes);
  if (bytes <= largestWholeBytes) return raw;
  const of = z.object({ kind: messageKind, id: z.number() }).safeParse(raw);
  return of.success ? refusalOf(of.data, { why: 'whole', bytes, limitBytes: largestWholeBytes }) : null;
}

/** null for an event: nobody waits for an answer. */
function refusalOf({ kind, id }: Chunk['of'], found: Pick<Refused, 'why' | 'bytes' | 'limitBytes'>): Refused | null {
  return id === null ? null : { kind: 'refused', of: kind, id, ...found };
}
