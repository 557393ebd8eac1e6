// Bytes seen as numbers of the machine, which is little endian as the files are.

interface NumberArray<T> {
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
  BYTES_PER_ELEMENT: number;
}

/** `bytes` as whole numbers of `kind`: the same memory where they start at a multiple of their size, else a copy. */
export function viewAs<T>(bytes: Uint8Array, kind: NumberArray<T>): T {
  const size = kind.BYTES_PER_ELEMENT;
  const source = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new kind(source.buffer, source.byteOffset, Math.floor(source.length / size));
}

/** The memory of `values`. */
export function bytesOf(values: Float64Array | Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
