// Reads the wire format of protocol buffers (protobuf.dev/programming-guides/encoding): numbered fields, four wire types.
import { malformed } from '../../contract/errors.ts';

export type ProtobufField = { number: number } & (
  | { wire: 'integer'; value: number }
  | { wire: 'bytes'; value: Uint8Array }
  | { wire: 'float'; value: number }
  | { wire: 'double'; value: number }
);

/**
 * Fields of one message in their order; `file` names it in messages. Integers are signed 64-bit varints.
 * @throws FILE_MALFORMED on a truncated field, an endless varint or an unknown wire type.
 */
export function* protobufFields(bytes: Uint8Array, file: string): Generator<ProtobufField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;

  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (position >= bytes.length)
        throw malformed(file, `byte ${position}`, { expected: 'more of a number', actual: 'the end' });
      const byte = view.getUint8(position++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw malformed(file, `byte ${position}`, { expected: 'a number of at most 10 bytes', actual: 'a longer one' });
  }

  function take(length: number): number {
    const start = position;
    if (length < 0 || length > bytes.length - start) {
      throw malformed(file, `byte ${start}`, {
        expected: `${length} bytes of a field`,
        actual: `${bytes.length - start} bytes`,
      });
    }
    position += length;
    return start;
  }

  while (position < bytes.length) {
    const key = Number(varint());
    const number = Math.floor(key / 8);
    if (number < 1)
      throw malformed(file, `byte ${position}`, { expected: 'a field number from 1', actual: String(number) });
    switch (key & 7) {
      case 0:
        yield { number, wire: 'integer', value: Number(varint()) };
        break;
      case 1:
        yield { number, wire: 'double', value: view.getFloat64(take(8), true) };
        break;
      case 2: {
        const start = take(Number(varint()));
        yield { number, wire: 'bytes', value: bytes.subarray(start, position) };
        break;
      }
      case 5:
        yield { number, wire: 'float', value: view.getFloat32(take(4), true) };
        break;
      default:
        throw malformed(file, `byte ${position}`, { expected: 'a wire type of 0, 1, 2 or 5', actual: String(key & 7) });
    }
  }
}
