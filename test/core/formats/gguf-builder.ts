// Builds GGUF bytes field by field, with nothing of the code under test: also wrong ones.

const types = {
  uint8: 0,
  uint16: 2,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
} as const;

export class GgufBuilder {
  #parts: Buffer[] = [];

  /** Magic, version and the two counts. */
  static header(tensors: number | bigint, keyValues: number | bigint, version = 3): GgufBuilder {
    return new GgufBuilder().raw(Buffer.from('GGUF')).uint32(version).uint64(tensors).uint64(keyValues);
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  uint8(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  uint32(value: number): this {
    return this.raw(new Uint8Array(Uint32Array.of(value).buffer));
  }

  uint64(value: number | bigint): this {
    return this.raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  string(value: string | Uint8Array): this {
    const bytes = Buffer.from(value);
    return this.uint64(bytes.length).raw(bytes);
  }

  /** Key and type of a value that follows. */
  key(name: string, type: keyof typeof types): this {
    return this.string(name).uint32(types[type]);
  }

  /** Item type and length of an array whose items follow. */
  items(type: keyof typeof types, length: number | bigint): this {
    return this.uint32(types[type]).uint64(length);
  }

  tensor(name: string, shape: (number | bigint)[], type: number, offset: number | bigint): this {
    this.string(name).uint32(shape.length);
    for (const size of shape) this.uint64(size);
    return this.uint32(type).uint64(offset);
  }

  /** Zeros up to a multiple of `alignment`, then `data`. */
  padTo(alignment: number): this {
    const length = this.bytes().length;
    return this.raw(new Uint8Array(Math.ceil(length / alignment) * alignment - length));
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }
}
