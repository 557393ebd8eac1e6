// Writes the wire format of protocol buffers (protobuf.dev/programming-guides/encoding): numbered fields, in call order.

const utf8 = new TextEncoder();
/** Wire types of a field's key. */
const wireVarint = 0;
const wireBytes = 2;
const wireFixed32 = 5;

/** One message; nested messages are writers of their own, copied in by `message`. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  #push(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
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

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: ProtobufWriter): this {
    this.#push(varint(field * 8 + wireBytes)).#push(varint(value.#length));
    for (const part of value.#parts) this.#push(part);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    let position = 0;
    for (const part of this.#parts) {
      bytes.set(part, position);
      position += part.length;
    }
    return bytes;
  }
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
