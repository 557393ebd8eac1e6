// What every format says of a tensor, in one shape.

export interface TensorEntry {
  name: string;
  /** A ggml type (`Q4_K`, `F16`) or a safetensors dtype under the same names (`F32`, `BF16`, `U8`, `BOOL`). */
  type: string;
  /** Elements per dimension, fastest first: GGUF's order, for safetensors too. */
  shape: readonly number[];
  /** Index of the file that holds it, 0 unless the model is split. */
  shard: number;
  /** First byte, counted from the start of its shard. */
  offset: number;
  bytes: number;
  /** Of rows of a tensor: elements of the tensor before them. @default 0 */
  firstElement?: number;
}

/** What a writer has to know of a tensor before its data. */
export type TensorShape = Pick<TensorEntry, 'name' | 'type' | 'shape'>;

/** Number of elements, or null where it is not a whole number below 2^53. */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return null;
    count *= size;
    // An exact product above 2^53 never rounds to below it, so this check sees every overflow.
    if (!Number.isSafeInteger(count)) return null;
  }
  return count;
}

/** Rows [first, first + count) of a matrix, or elements of a vector, as a tensor of the same name: they lie together. */
export function tensorRows(entry: TensorEntry, first: number, count: number): TensorEntry {
  const rows = entry.shape.at(-1)!;
  const rowBytes = entry.bytes / rows;
  const shape = [...entry.shape.slice(0, -1), count];
  const firstElement = (entry.firstElement ?? 0) + (first * elementCount(entry.shape)!) / rows;
  return { ...entry, shape, offset: entry.offset + first * rowBytes, bytes: count * rowBytes, firstElement };
}

/** Where element `index` of an entry is in its tensor: the flat index, and the index per dimension, fastest first. */
export function elementPlace(
  { shape, firstElement = 0 }: Pick<TensorEntry, 'shape' | 'firstElement'>,
  index: number,
): { element: number; position: number[] } {
  const element = firstElement + index;
  let rest = element;
  const position = shape.map((size, dimension) => {
    // The entry may be some rows of its tensor, which has more.
    const own = dimension === shape.length - 1 ? rest : rest % size;
    rest = Math.floor(rest / size);
    return own;
  });
  return { element, position };
}

/** The part of a tensor that a read asks for, checked. Offsets count from the tensor's first byte. */
export function tensorRange(
  entry: TensorEntry,
  offset = 0,
  length = entry.bytes - offset,
): { offset: number; length: number } {
  const isInside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= entry.bytes;
  if (!isInside) throw new RangeError(`${entry.name}: bytes ${offset} to ${offset + length} of ${entry.bytes}`);
  return { offset: entry.offset + offset, length };
}

/** Tensors whose bytes are shared by another tensor, as pairs in file order; empty tensors share nothing. */
export function findOverlap(entries: readonly TensorEntry[]): [TensorEntry, TensorEntry] | null {
  const sorted = entries.filter((entry) => entry.bytes > 0).sort((a, b) => a.offset - b.offset);
  for (let index = 1; index < sorted.length; index += 1) {
    const before = sorted[index - 1]!;
    const entry = sorted[index]!;
    if (entry.offset < before.offset + before.bytes) return [before, entry];
  }
  return null;
}
