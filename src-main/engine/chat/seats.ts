// Where each side runs so that memory suffices: on a GPU, on the processor, both at once or one after the other, or not at all.
import type { MemoryPart } from '../../contract/llama-host-api.ts';
import type { SideName } from './answering.ts';

export interface Memory {
  ramBytes: number;
  gpuBytes: number;
}

/** A way to run a side, and what it takes. */
export interface Seat extends Memory {
  /** 0: on the processor; -1: all layers on a GPU. */
  gpuLayers: 0 | -1;
}

export interface Seating {
  original: Seat | null;
  compressed: Seat | null;
  together: boolean;
}

/** What a breakdown of llama.cpp's takes on GPUs and in system memory; on the processor all of it counts there. */
export function seatOf(parts: readonly MemoryPart[], gpuLayers: Seat['gpuLayers']): Seat {
  const sizeOf = (some: readonly MemoryPart[]): number =>
    some.reduce((sum, { modelBytes, contextBytes, computeBytes }) => sum + modelBytes + contextBytes + computeBytes, 0);
  const onGpu = gpuLayers === 0 ? [] : parts.filter(({ kind }) => kind === 'gpu');
  return { gpuLayers, gpuBytes: sizeOf(onGpu), ramBytes: sizeOf(parts.filter((part) => !onGpu.includes(part))) };
}

/** Each side on the first of its seats that there is room for, and both at once where that holds the two. */
export function seatsFor(ways: Record<SideName, readonly Seat[]>, free: Memory): Seating {
  const fits = (taken: Memory): boolean => taken.ramBytes <= free.ramBytes && taken.gpuBytes <= free.gpuBytes;
  const seatFrom = (seats: readonly Seat[]): Seat | null => seats.find((seat) => fits(seat)) ?? null;
  const [original, compressed] = [seatFrom(ways.original), seatFrom(ways.compressed)];
  return {
    original,
    compressed,
    together: original !== null && compressed !== null && fits(sum(original, compressed)),
  };
}

const sum = (one: Memory, other: Memory): Memory => ({
  ramBytes: one.ramBytes + other.ramBytes,
  gpuBytes: one.gpuBytes + other.gpuBytes,
});
