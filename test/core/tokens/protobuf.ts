// Writes protocol buffers, for models that tests make up.
export type Field = [number: number, value: Uint8Array | string | { integer: number } | { float: number }];

export function protobuf(...fields: Field[]): Uint8Array {
  return new Uint8Array(Buffer.concat(fields.map(encodeField)));
}

function encodeField([number, value]: Field): Uint8Array {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    const content = Buffer.from(value as string);
    return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
  }
  if ('integer' in value) return Buffer.concat([varint(number * 8), varint(value.integer)]);
  const float = Buffer.alloc(4);
  float.writeFloatLE(value.float);
  return Buffer.concat([varint(number * 8 + 5), float]);
}

/** Negative numbers take ten bytes, as in the format. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}
