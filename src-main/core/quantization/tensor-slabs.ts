// Reads tensors as slabs of whole rows, so that memory does not follow the size of a tensor, and keeps the disk busy
// while the processor works.
import type { ModelSource } from '../formats/model-source.ts';
import { elementCount, type TensorEntry } from '../formats/tensor.ts';

/** Bytes of a slab, as read or as written; a single row may be larger. */
export const slabBytes = 32 * 2 ** 20;

/** A tensor as a matrix; a slice is an expert, or a head of latent attention. */
export interface TensorRows {
  columns: number;
  rows: number;
  rowsPerSlice: number;
}

/** Rows of a tensor; a vector is one row. */
export function rowsOf(shape: readonly number[]): TensorRows {
  const columns = shape[0] ?? 1;
  const rows = columns === 0 ? 0 : elementCount(shape)! / columns;
  return { columns, rows, rowsPerSlice: shape[1] ?? 1 };
}

/** Rows [firstRow, firstRow + rows) of a tensor. */
export interface Slab {
  tensor: TensorEntry;
  firstRow: number;
  rows: number;
}

/** The slabs of a tensor, in order; `targetBytes` is its size as written. */
export function slabsOf(tensor: TensorEntry, targetBytes: number): Slab[] {
  const { rows } = rowsOf(tensor.shape);
  const rowsPerSlab = Math.max(1, Math.floor((slabBytes * rows) / Math.max(tensor.bytes, targetBytes)));
  return Array.from({ length: Math.ceil(rows / rowsPerSlab) }, (_, index) => ({
    tensor,
    firstRow: index * rowsPerSlab,
    rows: Math.min(rowsPerSlab, rows - index * rowsPerSlab),
  }));
}

/** Memory that is used in turns: a buffer is free again when `count - 1` others were taken after it. */
export class BufferRing {
  readonly #buffers: ArrayBuffer[];
  #next = 0;

  constructor(count: number, bytes: number) {
    this.#buffers = Array.from({ length: count }, () => new ArrayBuffer(bytes));
  }

  /** The next buffer, cut to `bytes`; its old content may still be there. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const index = this.#next;
    this.#next = (index + 1) % this.#buffers.length;
    return new Uint8Array(this.#buffers[index]!, 0, bytes);
  }
}

/** Bytes of the largest slab as read. */
export function largestSlab(slabs: readonly Slab[]): number {
  return slabs.reduce((most, { tensor, rows }) => Math.max(most, rows * rowBytes(tensor)), 0);
}

function rowBytes(tensor: TensorEntry): number {
  return tensor.bytes / rowsOf(tensor.shape).rows;
}

export interface ReadSlab extends Slab {
  /** [rows, columns] of the tensor's type; valid until `ring` comes round. */
  source: Uint8Array<ArrayBuffer>;
}

/** Reads slabs in order into the buffers of `ring`. */
export async function* readSlabs(
  model: Pick<ModelSource, 'readInto'>,
  slabs: Iterable<Slab>,
  ring: BufferRing,
  signal: AbortSignal,
): AsyncGenerator<ReadSlab, void> {
  for (const slab of slabs) {
    signal.throwIfAborted();
    const bytes = rowBytes(slab.tensor);
    const source = ring.take(slab.rows * bytes);
    await model.readInto(slab.tensor, source, slab.firstRow * bytes);
    yield { ...slab, source };
  }
}

/** Yields what `source` yields, but makes the next item while the consumer works on the last one. */
export async function* ahead<T>(source: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = source.next();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = source.next();
      next.catch(() => {}); // thrown when the consumer asks for it
      yield item.value;
    }
  } finally {
    await next.catch(() => {}); // nothing may run on after the consumer has left
    await source.return(undefined);
  }
}
