// Writes the wire format of protocol buffers (protobuf.dev/programming-guides/encoding): numbered fields, in call order.

const utf8 = new TextEncoder();
/** Wire types of a field's key. */
const wireVarint = 0;
const wireBytes = 2;
const wireFixed32 = 5;

/** Bytes of a message that come from elsewhere: their number is known before they are. */
export interface ProtobufGap {
  name: string;
  length: number;
}

/** One message; nested messages are writers of their own, copied in by `message`. */
export class ProtobufWriter {
  readonly #parts: (Uint8Array | ProtobufGap)[] = [];
  #length = 0;

  #push(part: Uint8Array | ProtobufGap): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }

  /** A signed 64-bit integer; `value` is whole and within ±2^53. */
  integer(field: number, value: number): this {
    return this.#push(varint(field * 8 + wireVarint)).#push(varint(value));
  }

  /** A float32. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(varint(field * 8 + wireFixed32)).#push(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(varint(field * 8 + wireBytes))
      .#push(varint(value.length))
      .#push(value);
  }

  /** A field of bytes that are filled in when the file is written. */
  gap(field: number, gap: ProtobufGap): this {
    return this.#push(varint(field * 8 + wireBytes))
      .#push(varint(gap.length))
      .#push(gap);
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: ProtobufWriter): this {
    this.#push(varint(field * 8 + wireBytes)).#push(varint(value.#length));
    for (const part of value.#parts) this.#push(part);
    return this;
  }

  /** The message; it must have no gaps. */
  finish(): Uint8Array<ArrayBuffer> {
    const [bytes = new Uint8Array(), gap] = this.pieces();
    if (gap || !(bytes instanceof Uint8Array)) throw new Error('a message with gaps has no bytes yet');
    return bytes;
  }

  /** The message in order: bytes, and gaps between them. */
  pieces(): (Uint8Array<ArrayBuffer> | ProtobufGap)[] {
    const pieces: (Uint8Array<ArrayBuffer> | ProtobufGap)[] = [];
    let run: Uint8Array[] = [];
    const close = (): void => {
      if (run.length > 0) pieces.push(joined(run));
      run = [];
    };
    for (const part of this.#parts) {
      if (part instanceof Uint8Array) {
        run.push(part);
        continue;
      }
      close();
      pieces.push(part);
    }
    close();
    return pieces;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number within ±2^53`);
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
