// Turns metadata and tensor infos into the header of a GGUF version 3 file, and tells its size without doing so.
// Source: ggml/src/gguf.cpp (gguf_writer). Little endian, as is every machine that this runs on.
import { ggmlTypeByName } from './ggml-types.ts';
import { ggufTypeNames, ggufValueBytes } from './gguf-values.ts';
import type { GgufArray, GgufFixedType, GgufMetadata, GgufTypeName, GgufValue, NumberArray } from './gguf-values.ts';
import type { TensorEntry, TensorShape } from './tensor.ts';

const version = 3;
/** Magic, version, tensor count, key-value count. */
const fixedBytes = 4 + 4 + 8 + 8;
const typeIds = Object.fromEntries(ggufTypeNames.map((name, id) => [name, id])) as Record<GgufTypeName, number>;

function stringBytes(value: string | Uint8Array): number {
  return 8 + Buffer.byteLength(value);
}

function arrayBytes(array: GgufArray): number {
  const itemsStart = 4 + 8;
  if (array.itemType === 'string') return itemsStart + array.value.encoded.length;
  if (array.itemType === 'array') return array.value.reduce((sum, item) => sum + arrayBytes(item), itemsStart);
  return itemsStart + array.value.length * ggufValueBytes[array.itemType];
}

function valueBytes(value: GgufValue): number {
  if (value.type === 'array') return arrayBytes(value);
  return value.type === 'string' ? stringBytes(value.bytes ?? value.value) : ggufValueBytes[value.type];
}

/** Bytes of the header before padding. */
export function headerBytes(metadata: GgufMetadata, tensors: readonly TensorShape[]): number {
  let bytes = fixedBytes;
  for (const [key, value] of metadata) bytes += stringBytes(key) + 4 + valueBytes(value);
  for (const { name, shape } of tensors) bytes += stringBytes(name) + 4 + shape.length * 8 + 4 + 8;
  return bytes;
}

/** The header, padded with zeros to `length` bytes, where the first tensor's data begins. */
export function encodeHeader(metadata: GgufMetadata, tensors: readonly TensorEntry[], length: number): Uint8Array {
  const encoder = new HeaderEncoder(length);
  encoder.bytes(Buffer.from('GGUF'));
  encoder.uint32(version);
  encoder.uint64(tensors.length);
  encoder.uint64(metadata.size);
  for (const [key, value] of metadata) {
    encoder.string(key);
    encoder.value(value);
  }
  for (const { name, shape, type, offset } of tensors) {
    encoder.string(name);
    encoder.uint32(shape.length);
    for (const size of shape) encoder.uint64(size);
    encoder.uint32(ggmlTypeByName(type)!.id);
    encoder.uint64(offset - length);
  }
  return encoder.target;
}

class HeaderEncoder {
  readonly target: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(length: number) {
    this.target = new Uint8Array(length);
    this.#view = new DataView(this.target.buffer);
  }

  #advance(length: number): number {
    const start = this.#position;
    this.#position += length;
    return start;
  }

  bytes(content: Uint8Array): void {
    this.target.set(content, this.#advance(content.length));
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#advance(4), value, true);
  }

  uint64(value: number): void {
    this.#view.setBigUint64(this.#advance(8), BigInt(value), true);
  }

  string(value: string | Uint8Array): void {
    const content = typeof value === 'string' ? Buffer.from(value) : value;
    this.uint64(content.length);
    this.bytes(content);
  }

  value(value: GgufValue): void {
    this.uint32(typeIds[value.type]);
    if (value.type === 'array') this.#array(value);
    else if (value.type === 'string') this.string(value.bytes ?? value.value);
    else this.#fixed(value.type, value.value);
  }

  #array(array: GgufArray): void {
    this.uint32(typeIds[array.itemType]);
    this.uint64(array.value.length);
    if (array.itemType === 'string') this.bytes(array.value.encoded);
    else if (array.itemType === 'array') array.value.forEach((item) => this.#array(item));
    else this.#numbers(array.itemType, array.value);
  }

  #numbers(itemType: GgufFixedType, value: NumberArray): void {
    if (value.BYTES_PER_ELEMENT !== ggufValueBytes[itemType]) {
      throw new TypeError(`an array of ${itemType} cannot hold a ${value.constructor.name}`);
    }
    this.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  #fixed(type: GgufFixedType, value: number | bigint | boolean): void {
    const at = this.#advance(ggufValueBytes[type]);
    switch (type) {
      case 'uint8':
      case 'bool':
        return this.#view.setUint8(at, Number(value));
      case 'int8':
        return this.#view.setInt8(at, Number(value));
      case 'uint16':
        return this.#view.setUint16(at, Number(value), true);
      case 'int16':
        return this.#view.setInt16(at, Number(value), true);
      case 'uint32':
        return this.#view.setUint32(at, Number(value), true);
      case 'int32':
        return this.#view.setInt32(at, Number(value), true);
      case 'float32':
        return this.#view.setFloat32(at, Number(value), true);
      case 'float64':
        return this.#view.setFloat64(at, Number(value), true);
      case 'uint64':
        return this.#view.setBigUint64(at, BigInt(value), true);
      case 'int64':
        return this.#view.setBigInt64(at, BigInt(value), true);
    }
  }
}
