// Where each side runs: by what it takes and what is free.
import { describe, expect, it } from 'vitest';
import { seatOf, seatsFor, type Seat } from '../../../src-main/engine/chat/seats.ts';

const GiB = 2 ** 30;
const onGpu = (size: number): Seat => ({ gpuLayers: -1, gpuBytes: size * GiB, ramBytes: GiB / 2 });
const onCpu = (size: number): Seat => ({ gpuLayers: 0, gpuBytes: 0, ramBytes: size * GiB });
const ways = (size: number): Seat[] => [onGpu(size), onCpu(size)];
const free = (ram: number, gpu: number) => ({ ramBytes: ram * GiB, gpuBytes: gpu * GiB });

describe('seats', () => {
  it('are on the GPU, both at once, where it holds both', () => {
    const seating = seatsFor({ original: ways(14), compressed: ways(8) }, free(32, 24));
    expect(seating).toEqual({ original: onGpu(14), compressed: onGpu(8), together: true });
  });

  it('are taken in turn where memory holds each, but not both', () => {
    const seating = seatsFor({ original: ways(20), compressed: ways(8) }, free(2, 24));
    expect(seating).toMatchObject({ original: onGpu(20), compressed: onGpu(8), together: false });
  });

  it('are on the processor for what the GPU does not hold, beside the other', () => {
    const seating = seatsFor({ original: ways(30), compressed: ways(8) }, free(64, 24));
    expect(seating).toEqual({ original: onCpu(30), compressed: onGpu(8), together: true });
  });

  it('are none where nothing holds it', () => {
    const seating = seatsFor({ original: ways(65), compressed: ways(18) }, free(32, 24));
    expect(seating).toEqual({ original: null, compressed: onGpu(18), together: false });
    expect(seatsFor({ original: [], compressed: [onCpu(1)] }, free(32, 0))).toMatchObject({ together: false });
  });

  it('count all memory as the system’s without layers on a GPU', () => {
    const part = { bufferType: 'b', device: 'd', modelBytes: 4, contextBytes: 2, computeBytes: 1 };
    const parts = [
      { ...part, kind: 'gpu' as const },
      { ...part, kind: 'cpu' as const },
    ];
    expect(seatOf(parts, 0)).toEqual({ gpuLayers: 0, gpuBytes: 0, ramBytes: 14 });
    expect(seatOf(parts, -1)).toEqual({ gpuLayers: -1, gpuBytes: 7, ramBytes: 7 });
  });
});
