// Float types decoded in TypeScript, block types through the port, and values that are refused.
import { describe, expect, test } from 'vitest';
import { tensorRows, type TensorEntry } from '../../../src-main/core/formats/tensor.ts';
import { embedWindows } from '../../../src-main/core/graph/embed-windows.ts';
import { readFloatRows, readFloats } from '../../../src-main/core/graph/float-values.ts';
import type { Dequantize } from '../../../src-main/core/graph/float-values.ts';
import { memoryResidual } from '../../../src-main/core/graph/residual.ts';

const noBlocks: Dequantize = () => Promise.reject(new Error('not a block type'));

/** A model of one tensor; reads start at odd places of a larger buffer, as a file's may. */
function modelOf(type: string, bytes: Uint8Array, shape: number[]) {
  const entry: TensorEntry = { name: 'blk.0.attn_q.weight', type, shape, shard: 0, offset: 0, bytes: bytes.length };
  const view = (offset = 0, length = bytes.length - offset): Uint8Array => {
    const padded = new Uint8Array(length + 1);
    padded.set(bytes.subarray(offset, offset + length), 1);
    return padded.subarray(1);
  };
  const model = {
    read: (_: TensorEntry, offset?: number, length?: number) => Promise.resolve(view(offset, length)),
    readInto: (_: TensorEntry, target: Uint8Array, offset?: number) =>
      Promise.resolve(void target.set(view(offset, target.length))),
  };
  return { entry, model };
}

const bytesOf = (values: Float32Array | Float64Array | Uint16Array | Uint32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe('readFloats', () => {
  test.each([
    ['F32', bytesOf(Float32Array.of(1, -2.5, 0, 1e-40)), [1, -2.5, 0, Math.fround(1e-40)]],
    ['F64', bytesOf(Float64Array.of(1, -2.5, 0, 0.1)), [1, -2.5, 0, Math.fround(0.1)]],
    // One, -2, the least subnormal, the largest.
    ['F16', bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff)), [1, -2, 2 ** -24, 65504]],
    ['BF16', bytesOf(Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f7f)), [1, -2, 2 ** -133, 3.3895313892515355e38]],
  ])('%s', async (type, bytes, expected) => {
    const { entry, model } = modelOf(type, bytes, [2, 2]);
    expect([...(await readFloats(model, entry, noBlocks))]).toEqual(expected);
  });

  test('reads at the same time do not share memory', async () => {
    const halves = [0x3c00, 0xc000, 0x4200].map((half) => modelOf('F16', bytesOf(Uint16Array.of(half, half)), [2, 1]));
    const found = await Promise.all(halves.map(({ model, entry }) => readFloats(model, entry, noBlocks)));
    expect(found.map((values) => [...values])).toEqual([
      [1, 1],
      [-2, -2],
      [3, 3],
    ]);
  });

  test('block types go through the port, a slab of rows at a time', async () => {
    // Rows of 34 bytes, 18 MiB of them: two slabs.
    const rows = Math.ceil((18 * 2 ** 20) / 34);
    const { entry, model } = modelOf('Q8_0', new Uint8Array(rows * 34), [32, rows]);
    const calls: number[] = [];
    const found = await readFloats(model, entry, async (type, source, output) => {
      expect(type).toBe('Q8_0');
      expect(source.length * 32).toBe(output.length * 34);
      calls.push(output.length);
      output.fill(calls.length);
    });
    expect(calls).toHaveLength(2);
    expect([found[0], found.at(-1)]).toEqual([1, 2]);
  });

  test.each([
    ['F32', bytesOf(Uint32Array.of(0, 0x7fc00000))],
    ['F16', bytesOf(Uint16Array.of(0, 0xfc00))],
    ['BF16', bytesOf(Uint16Array.of(0, 0x7f81))],
    // Finite as float64, not as float32.
    ['F64', bytesOf(Float64Array.of(0, 1e300))],
  ])('%s that is not finite is refused by the name of the tensor', async (type, bytes) => {
    const { entry, model } = modelOf(type, bytes, [2]);
    const details = { tensor: 'blk.0.attn_q.weight', element: 1 };
    await expect(readFloats(model, entry, noBlocks)).rejects.toMatchObject({ code: 'NON_FINITE', details });
  });
});

describe('what is not finite is told by its element in the tensor', () => {
  /** [columns, rows] float32 or float16, with NaN in one element. */
  const spoiled = (type: 'F32' | 'F16', [columns, rows]: [number, number], element: number) => {
    const values = type === 'F32' ? new Float32Array(columns * rows) : new Uint16Array(columns * rows);
    values[element] = type === 'F32' ? NaN : 0x7e00;
    return modelOf(type, bytesOf(values), [columns, rows]);
  };
  const told = (element: number, position: number[]) => ({
    code: 'NON_FINITE',
    message: expect.stringContaining(`element ${element} at [${position.join(', ')}]`) as string,
    details: { element, position },
  });

  test.each(['F32', 'F16'] as const)('where some rows of %s are read', async (type) => {
    const { entry, model } = spoiled(type, [4, 6], 4 * 5 + 1);
    const read = readFloatRows({ model, entry, firstRow: 3 }, noBlocks, new Float32Array(3 * 4));
    await expect(read).rejects.toMatchObject(told(21, [1, 5]));
  });

  test('where it is in a later slab', async () => {
    // Slabs of 16 MiB are 2,048 such rows.
    const { entry, model } = spoiled('F16', [4096, 2050], 4096 * 2049 + 7);
    await expect(readFloats(model, entry, noBlocks)).rejects.toMatchObject(told(4096 * 2049 + 7, [7, 2049]));
  });

  test('where a linear is some rows of its tensor', async () => {
    const { entry, model } = spoiled('F32', [4, 6], 4 * 5 + 1);
    const rows = tensorRows(tensorRows(entry, 1, 5), 3, 2);
    const ofRows = {
      ...model,
      readInto: ({ offset }: TensorEntry, target: Uint8Array, more = 0) => model.readInto(entry, target, offset + more),
    };
    await expect(readFloats(ofRows, rows, noBlocks)).rejects.toMatchObject(told(21, [1, 5]));
  });

  test('where rows of embeddings are gathered by their tokens', async () => {
    const { entry, model } = spoiled('F32', [4, 6], 4 * 5 + 1);
    const embedding = embedWindows(
      {
        ...{ model, embeddings: entry, positions: null },
        ...{ config: { vocabSize: 6 }, architecture: { norm: { kind: 'rmsnorm' } } },
      } as unknown as Parameters<typeof embedWindows>[0],
      { windows: [Int32Array.of(2, 0), Int32Array.of(3, 5)] },
      noBlocks,
      memoryResidual({ windows: 2, windowLength: 2, hiddenSize: 4 }),
    );
    await expect(embedding).rejects.toMatchObject(told(21, [1, 5]));
  });
});
