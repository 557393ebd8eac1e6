import { describe, expect, it } from 'vitest';
import { tensorBytes } from '../../../src-main/core/formats/ggml-types.ts';
import type { TensorEntry } from '../../../src-main/core/formats/tensor.ts';
import {
  ahead,
  BufferRing,
  largestSlab,
  rowsOf,
  slabBytes,
  slabsOf,
} from '../../../src-main/core/quantization/tensor-slabs.ts';

function tensor(shape: number[], type = 'F32'): TensorEntry {
  return { name: 'w', type, shape, shard: 0, offset: 0, bytes: tensorBytes(type, shape) };
}

describe('slabs', () => {
  it('see a vector as a row, and experts as slices', () => {
    expect(rowsOf([7])).toEqual({ columns: 7, rows: 1, rowsPerSlice: 1 });
    expect(rowsOf([4, 3, 2])).toEqual({ columns: 4, rows: 6, rowsPerSlice: 3 });
    expect(rowsOf([])).toEqual({ columns: 1, rows: 1, rowsPerSlice: 1 });
    expect(rowsOf([0, 3])).toMatchObject({ rows: 0 });
  });

  it('cover every row once and stay below their size, as read and as written', () => {
    const large = tensor([4096, 5000]);
    for (const targetBytes of [0, large.bytes, 3 * large.bytes]) {
      const slabs = slabsOf(large, targetBytes);
      let next = 0;
      for (const { firstRow, rows } of slabs) {
        expect(firstRow).toBe(next);
        expect((rows * Math.max(large.bytes, targetBytes)) / 5000).toBeLessThanOrEqual(slabBytes);
        next += rows;
      }
      expect(next).toBe(5000);
    }
    expect(largestSlab(slabsOf(large, 0))).toBe(slabBytes);
  });

  it('hold at least a row, and none of an empty tensor', () => {
    expect(slabsOf(tensor([2 ** 24, 3]), 0)).toHaveLength(3);
    expect(slabsOf(tensor([0, 3]), 0)).toEqual([]);
    expect(slabsOf(tensor([3, 0]), 0)).toEqual([]);
    expect(largestSlab([])).toBe(0);
  });

  it('take memory in turns', () => {
    const ring = new BufferRing(2, 8);
    const [first, second, third] = [ring.take(8), ring.take(4), ring.take(2)];
    expect(second.length).toBe(4);
    expect(third.buffer).toBe(first.buffer);
    expect(second.buffer).not.toBe(first.buffer);
  });
});

describe('ahead', () => {
  async function* counted(log: string[], count: number): AsyncGenerator<number> {
    try {
      for (let index = 0; index < count; index += 1) {
        log.push(`make ${index}`);
        yield index;
      }
    } finally {
      log.push('closed');
    }
  }

  it('makes the next item while the last one is used', async () => {
    const log: string[] = [];
    for await (const item of ahead(counted(log, 3))) {
      await Promise.resolve();
      log.push(`use ${item}`);
    }
    expect(log).toEqual(['make 0', 'make 1', 'use 0', 'make 2', 'use 1', 'closed', 'use 2']);
  });

  it('closes its source when the consumer leaves', async () => {
    const log: string[] = [];
    for await (const item of ahead(counted(log, 9))) if (item === 1) break;
    expect(log).toEqual(['make 0', 'make 1', 'make 2', 'closed']);
  });

  it('throws what the source threw, when the consumer comes to it', async () => {
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      throw new Error('broken');
    }
    const seen: number[] = [];
    await expect(async () => {
      for await (const item of ahead(failing())) {
        await new Promise((resolve) => setTimeout(resolve, 5)); // an unheard rejection would end the process here
        seen.push(item);
      }
    }).rejects.toThrow('broken');
    expect(seen).toEqual([1]);
  });
});
