// Short forms of metadata values.
import { StringList } from '../../formats/string-list.ts';
import type { GgufValue } from '../../formats/gguf-values.ts';

/** Keys and values in the order they are written; null = the model has no such thing. */
export type Entries = (readonly [key: string, value: GgufValue | null])[];

export const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
export const int32 = (value: number): GgufValue => ({ type: 'int32', value });
export const float32 = (value: number): GgufValue => ({ type: 'float32', value: Math.fround(value) });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const string = (value: string): GgufValue => ({ type: 'string', value });
export const strings = (items: Iterable<string>): GgufValue => ({
  type: 'array',
  itemType: 'string',
  value: StringList.from(items),
});
export const int32s = (items: Iterable<number>): GgufValue => ({
  type: 'array',
  itemType: 'int32',
  value: Int32Array.from(items),
});
export const float32s = (items: Iterable<number>): GgufValue => ({
  type: 'array',
  itemType: 'float32',
  value: Float32Array.from(items),
});
