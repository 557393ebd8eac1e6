// GGUF metadata: typed values under keys, in file order, kept so that writing gives the bytes that were read.
// Source: the GGUF specification of ggml (docs/gguf.md) and ggml/src/gguf.cpp.
import { malformed } from '../../contract/errors.ts';
import type { StringList } from './string-list.ts';

/** Type names by their number in the file. */
export const ggufTypeNames = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;
export type GgufTypeName = (typeof ggufTypeNames)[number];

export type GgufNumberType = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'float64';
export type GgufBigIntType = 'uint64' | 'int64';
export type GgufFixedType = GgufNumberType | GgufBigIntType | 'bool';

/** Bytes of one value, for the types of fixed size. */
export const ggufValueBytes: Readonly<Record<GgufFixedType, number>> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
};

export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

export type GgufScalar =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: GgufBigIntType; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  /** `bytes` only where the file's bytes are not valid UTF-8; `value` is then for people. */
  | { readonly type: 'string'; readonly value: string; readonly bytes?: Uint8Array };

export type GgufArray =
  /** Numbers as typed arrays of the item's own kind; bool as a Uint8Array of 0 and 1. */
  | { readonly type: 'array'; readonly itemType: GgufFixedType; readonly value: NumberArray }
  | { readonly type: 'array'; readonly itemType: 'string'; readonly value: StringList }
  | { readonly type: 'array'; readonly itemType: 'array'; readonly value: readonly GgufArray[] };

export type GgufValue = GgufScalar | GgufArray;

/** A value's type for people: `uint32`, `array of string`. */
function describe(value: GgufValue): string {
  return value.type === 'array' ? `array of ${value.itemType}` : value.type;
}

/**
 * The metadata of one model. Each getter throws FILE_MALFORMED, naming file and key, when the value has another
 * type, and when the key is missing and no fallback was given.
 */
export class GgufMetadata implements Iterable<[string, GgufValue]> {
  readonly file: string;
  readonly #values: Map<string, GgufValue>;

  constructor(file: string, entries: Iterable<readonly [string, GgufValue]> = []) {
    this.file = file;
    this.#values = new Map(entries);
  }

  get size(): number {
    return this.#values.size;
  }

  [Symbol.iterator](): MapIterator<[string, GgufValue]> {
    return this.#values.entries();
  }

  keys(): MapIterator<string> {
    return this.#values.keys();
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): GgufValue | undefined {
    return this.#values.get(key);
  }

  /** Adds at the end, or replaces in place. */
  set(key: string, value: GgufValue): this {
    this.#values.set(key, value);
    return this;
  }

  delete(key: string): boolean {
    return this.#values.delete(key);
  }

  /** A copy that can be changed by itself; the values are shared, as nothing changes them. */
  clone(): GgufMetadata {
    return new GgufMetadata(this.file, this.#values);
  }

  string(key: string): string;
  string<F>(key: string, fallback: F): string | F;
  string(key: string, ...fallback: unknown[]): unknown {
    return this.#read(key, 'a string', fallback, (value) => (value.type === 'string' ? value.value : undefined));
  }

  boolean(key: string): boolean;
  boolean<F>(key: string, fallback: F): boolean | F;
  boolean(key: string, ...fallback: unknown[]): unknown {
    return this.#read(key, 'a bool', fallback, (value) => (value.type === 'bool' ? value.value : undefined));
  }

  /** A whole number of any integer type, within ±2^53. */
  integer(key: string): number;
  integer<F>(key: string, fallback: F): number | F;
  integer(key: string, ...fallback: unknown[]): unknown {
    return this.#read(key, 'an integer', fallback, (value) => {
      const number = scalarNumber(value);
      return Number.isSafeInteger(number) && value.type !== 'float32' && value.type !== 'float64' ? number : undefined;
    });
  }

  /** A finite number of any number type. */
  number(key: string): number;
  number<F>(key: string, fallback: F): number | F;
  number(key: string, ...fallback: unknown[]): unknown {
    return this.#read(key, 'a finite number', fallback, (value) => {
      const number = scalarNumber(value);
      return Number.isFinite(number) ? number : undefined;
    });
  }

  /** An array of strings, decoded. */
  strings(key: string): string[];
  strings<F>(key: string, fallback: F): string[] | F;
  strings(key: string, ...fallback: unknown[]): unknown {
    return this.#read(key, 'an array of strings', fallback, (value) =>
      isStrings(value) ? value.value.toArray() : undefined,
    );
  }

  /** An array of numbers or bools, as numbers. */
  numbers(key: string): number[];
  numbers<F>(key: string, fallback: F): number[] | F;
  numbers(key: string, ...fallback: unknown[]): unknown {
    return this.#read(key, 'an array of numbers', fallback, (value) =>
      isNumbers(value) ? Array.from(value.value, Number) : undefined,
    );
  }

  #read(key: string, expected: string, fallback: unknown[], convert: (value: GgufValue) => unknown): unknown {
    const value = this.#values.get(key);
    if (value === undefined) {
      if (fallback.length > 0) return fallback[0];
      throw malformed(this.file, `key ${key}`, { expected, actual: 'no such key', key });
    }
    const converted = convert(value);
    if (converted === undefined) {
      const shown = value.type === 'array' ? '' : ` ${String(value.value).slice(0, 100)}`;
      throw malformed(this.file, `key ${key}`, { expected, actual: `${describe(value)}${shown}`, key });
    }
    return converted;
  }
}

function scalarNumber(value: GgufValue): number | undefined {
  return value.type === 'array' || value.type === 'string' || value.type === 'bool' ? undefined : Number(value.value);
}

function isStrings(value: GgufValue): value is Extract<GgufArray, { itemType: 'string' }> {
  return value.type === 'array' && value.itemType === 'string';
}

function isNumbers(value: GgufValue): value is Extract<GgufArray, { itemType: GgufFixedType }> {
  return value.type === 'array' && value.itemType !== 'string' && value.itemType !== 'array';
}
