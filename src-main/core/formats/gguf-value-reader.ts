// Parses one key and its value from a GGUF header.
// Source: ggml/src/gguf.cpp; nested arrays, which the specification allows and llama.cpp refuses, up to a bound.
import type { ByteCursor } from './byte-cursor.ts';
import { ggufTypeNames, ggufValueBytes } from './gguf-values.ts';
import type { GgufArray, GgufFixedType, GgufTypeName, GgufValue, NumberArray } from './gguf-values.ts';
import { StringList } from './string-list.ts';

/** Specification: a key has at most 2^16 - 1 bytes. */
const longestKey = 2 ** 16 - 1;
/** No model nests arrays at all; a recursion has to end somewhere. */
const deepestArray = 4;
/** Nested arrays of one file: each costs an object, however few bytes it has. */
const mostNestedArrays = 2 ** 16;

/** How many nested arrays a file has had so far. */
export interface NestingBudget {
  nestedArrays: number;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

function decodeStrict(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** Reads key-value number `index`. @throws FILE_MALFORMED */
export function readKeyValue(cursor: ByteCursor, index: number, budget: NestingBudget): [string, GgufValue] {
  cursor.enter(`key ${index}`, { key: index });
  const length = cursor.count('bytes', 1);
  if (length === 0 || length > longestKey) cursor.fail(`a key of 1 to ${longestKey} bytes`, `${length} bytes`);
  const key = decodeStrict(cursor.bytes(length)) ?? cursor.fail('a key in UTF-8', 'other bytes');
  cursor.enter(`key ${key}`, { key });
  const type = readType(cursor);
  return [key, type === 'array' ? readArray(cursor, 1, budget) : readScalar(cursor, type)];
}

function readType(cursor: ByteCursor): GgufTypeName {
  const id = cursor.uint32();
  return ggufTypeNames[id] ?? cursor.fail(`a value type from 0 to ${ggufTypeNames.length - 1}`, String(id));
}

function readScalar(cursor: ByteCursor, type: Exclude<GgufTypeName, 'array'>): GgufValue {
  if (type === 'string') {
    const bytes = cursor.bytes(cursor.count('bytes', 1));
    const value = decodeStrict(bytes);
    return value === null ? { type, value: lenient.decode(bytes), bytes: new Uint8Array(bytes) } : { type, value };
  }
  const value = readFixed(cursor, type, 1)[0]!;
  if (type === 'bool') return { type, value: value === 1 };
  if (type === 'uint64' || type === 'int64') return { type, value: BigInt(value) };
  return { type, value: Number(value) };
}

function readArray(cursor: ByteCursor, depth: number, budget: NestingBudget): GgufArray {
  if (depth > deepestArray) cursor.fail(`arrays at most ${deepestArray} deep`, 'deeper ones');
  const itemType = readType(cursor);
  if (itemType === 'string') {
    const count = cursor.count('strings', 8);
    return { type: 'array', itemType, value: readStrings(cursor, count) };
  }
  if (itemType !== 'array') {
    const count = cursor.count('values', ggufValueBytes[itemType]);
    return { type: 'array', itemType, value: readFixed(cursor, itemType, count) };
  }
  // An array has a type and a count, 12 bytes, whatever its length.
  const count = cursor.count('arrays', 12);
  budget.nestedArrays += count;
  if (budget.nestedArrays > mostNestedArrays) {
    cursor.fail(`at most ${mostNestedArrays} nested arrays`, `${budget.nestedArrays} or more`);
  }
  return { type: 'array', itemType, value: Array.from({ length: count }, () => readArray(cursor, depth + 1, budget)) };
}

/** [count] values, in memory of their own. The machine is little endian, as every one that Node runs on here. */
function readFixed(cursor: ByteCursor, type: GgufFixedType, count: number): NumberArray {
  const { buffer } = new Uint8Array(cursor.bytes(count * ggufValueBytes[type]));
  switch (type) {
    case 'uint8':
      return new Uint8Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'bool': {
      const values = new Uint8Array(buffer);
      const wrong = values.find((value) => value > 1);
      if (wrong !== undefined) cursor.fail('bools of 0 or 1', String(wrong));
      return values;
    }
  }
}

function readStrings(cursor: ByteCursor, count: number): StringList {
  // All length fields have to be in the window before the index is allocated.
  cursor.need(count * 8);
  const start = cursor.position;
  const starts = new Uint32Array(count + 1);
  for (let index = 0; index < count; index += 1) {
    cursor.skip(cursor.count('bytes', 1));
    starts[index + 1] = cursor.position - start;
  }
  return new StringList(new Uint8Array(cursor.window.subarray(start, cursor.position)), starts);
}
