// The native addon by itself: what it finds, what it refuses, and that threads change nothing.
import { beforeAll, describe, expect, it } from 'vitest';
import { ggmlTypes } from '../../src-main/core/formats/ggml-types.ts';
import { singleTypes } from '../../src-main/core/quantization/mixes.ts';
import type { MathAddon, NativeConversion, NativeOutcome } from '../../src-main/worker/native/addon-types.ts';
import { findGgmlBase } from '../../src-main/worker/native/find-ggml.ts';
import { findAddon } from '../../src-main/worker/native/load-addon.ts';
import { openGgml, type Ggml } from '../../src-main/worker/native/native-quantizer.ts';
import { seededNumbers, thrownBy } from './quantize-oracle.ts';

let ggml: Ggml;
let addon: MathAddon;

beforeAll(() => {
  ggml = openGgml();
  addon = ggml.addon;
});

const rows = 300;
const columns = 512;

function weights(): Float32Array<ArrayBuffer> {
  const next = seededNumbers(3);
  return Float32Array.from({ length: rows * columns }, () => next() + next() + next() - 1.5);
}

function conversion(type: string, change: Partial<NativeConversion> = {}): NativeConversion {
  const { id, blockSize, typeSize } = ggml.types.get(type)!;
  const output = new Uint8Array((rows * columns * typeSize) / blockSize);
  const shape = { rows, columns, firstRow: 0, rowsPerSlice: rows };
  return {
    sourceType: 0,
    source: new Uint8Array(weights().buffer),
    targetType: id,
    output,
    ...shape,
    importance: null,
    threads: 1,
    cancel: null,
    ...change,
  };
}

async function converted(type: string, change: Partial<NativeConversion>): Promise<Uint8Array> {
  const request = conversion(type, change);
  expect((await addon.convertRows(request)).status).toBe('done');
  return request.output;
}

describe('types', () => {
  it('agree with the table of the format', () => {
    const known = ggmlTypes.map(({ id, name, blockSize, typeSize }) => ({ id, name, blockSize, typeSize }));
    const native = Array.from(ggml.types, ([name, { id, blockSize, typeSize }]) => ({ id, name, blockSize, typeSize }));
    expect(native).toEqual(known);
  });

  it('that can be written are those that are offered', () => {
    const writable = Array.from(ggml.types)
      .filter(([, type]) => type.canQuantize)
      .map(([name]) => name);
    expect(writable.toSorted()).toEqual(singleTypes.toSorted());
  });
});

describe('convertRows', () => {
  const importance = Float32Array.from({ length: 3 * columns }, (_, index) => 0.1 + (index % 7));

  it.each(['Q4_K', 'Q8_0', 'Q5_1', 'IQ4_XS', 'TQ1_0', 'NVFP4'])(
    '%s has the same bytes on 1, 2, 3 and 7 threads',
    async (type) => {
      const slices = { importance, rowsPerSlice: 100 };
      const [first, ...others] = await Promise.all(
        [1, 2, 3, 7].map((threads) => converted(type, { ...slices, threads })),
      );
      for (const other of others) expect(Buffer.compare(first!, other)).toBe(0);
    },
  );

  it('uses the importance of each slice, whatever slab the rows come in', async () => {
    const whole = await converted('Q4_K', { importance, rowsPerSlice: 100 });
    const source = new Uint8Array(weights().buffer);
    // Rows 150-300 begin in the middle of slice 1 and go on into slice 2.
    const part = {
      firstRow: 150,
      rows: 150,
      source: source.slice(150 * columns * 4),
      output: new Uint8Array(whole.length / 2),
    };
    const second = await converted('Q4_K', { importance, rowsPerSlice: 100, ...part });
    expect(Buffer.compare(second, whole.subarray(whole.length / 2))).toBe(0);
    const plain = await converted('Q4_K', {});
    expect(Buffer.compare(plain, whole)).not.toBe(0);
  });

  it.each([1, 4])('reports the first value that is not finite, on %i threads', async (threads) => {
    const values = weights();
    values[250 * columns + 3] = Infinity;
    values[40 * columns + 17] = NaN;
    values[40 * columns + 18] = -Infinity;
    const outcome = await addon.convertRows(conversion('Q4_K', { source: new Uint8Array(values.buffer), threads }));
    expect(outcome).toEqual({ status: 'nonFinite', element: 40 * columns + 17, value: NaN });
  });

  it('reports a value that has no finite form in the target', async () => {
    const values = weights();
    values[1000] = 1e6;
    const outcome = await addon.convertRows(conversion('F16', { source: new Uint8Array(values.buffer) }));
    expect(outcome).toEqual({ status: 'invalid', element: 1000, value: 1e6 });
  });

  it('reads float64, and refuses what float32 cannot hold', async () => {
    const doubles = Float64Array.from(weights());
    const { id } = ggml.types.get('F64')!;
    const fromDoubles = await converted('Q8_0', { sourceType: id, source: new Uint8Array(doubles.buffer) });
    expect(Buffer.compare(fromDoubles, await converted('Q8_0', {}))).toBe(0);
    doubles[5] = 1e300;
    const outcome = await addon.convertRows(
      conversion('Q8_0', { sourceType: id, source: new Uint8Array(doubles.buffer) }),
    );
    expect(outcome).toMatchObject({ status: 'nonFinite', element: 5 });
  });

  it('stops when it is cancelled', async () => {
    const cancel = new Int32Array(1);
    const running = addon.convertRows(conversion('IQ4_XS', { cancel }));
    cancel[0] = 1;
    expect((await running).status).toBe('cancelled');
  });

  it.each<[string, string, Partial<NativeConversion>, RegExp]>([
    ['a short output', 'Q4_K', { output: new Uint8Array(10) }, /output has length 10/],
    ['a short source', 'Q4_K', { source: new Uint8Array(16) }, /source has length 16/],
    ['rows of another length', 'Q4_K', { columns: 500 }, /multiple of 256/],
    ['short importance', 'Q4_K', { importance: new Float32Array(5) }, /importance has length 5/],
    ['an unknown type', 'Q4_K', { targetType: 4 }, /type number 4/],
    ['no threads', 'Q4_K', { threads: 0 }, /threads must be/],
    ['a negative row', 'Q4_K', { firstRow: -1 }, /firstRow must be/],
    [
      'a source that is not aligned',
      'Q4_K',
      { source: new Uint8Array(new ArrayBuffer(rows * columns * 4 + 1), 1) },
      /multiple of 8/,
    ],
  ])('refuses %s', async (_, type, change, message) => {
    expect((await thrownBy(() => addon.convertRows(conversion(type, change))))?.message).toMatch(message);
  });

  it('refuses, instead of ending the process, a type that needs importance', async () => {
    await expect(addon.convertRows(conversion('IQ2_XXS'))).rejects.toThrow(/needs importance/);
    const { id } = ggml.types.get('I32')!;
    await expect(addon.convertRows(conversion('F32', { targetType: id }))).rejects.toThrow(/cannot be written/);
  });
});

describe('checkFinite', () => {
  const check = (type: string, source: Uint8Array, elements: number): Promise<NativeOutcome> =>
    addon.checkFinite({ type: ggml.types.get(type)!.id, source, elements, threads: 2, cancel: null });

  it.each([
    ['F32', Float32Array.of(1, 2, NaN, 4), 2],
    ['F64', Float64Array.of(1, -Infinity), 1],
    ['F16', Uint16Array.of(0x3c00, 0xfbff, 0x7c00), 2],
    ['BF16', Uint16Array.of(0x3f80, 0x7f7f, 0xff81), 2],
  ])('%s', async (type, values, element) => {
    const source = new Uint8Array(values.buffer);
    expect(await check(type, source, values.length)).toMatchObject({ status: 'nonFinite', element });
    expect(await check(type, source.slice(0, element * values.BYTES_PER_ELEMENT), element)).toMatchObject({
      status: 'done',
    });
  });

  it('a block whose scale is NaN', async () => {
    const source = await converted('Q8_0', {});
    const block = (5000 / 32) | 0;
    source.set([0x00, 0x7e], block * 34);
    expect(await check('Q8_0', source, rows * columns)).toMatchObject({ status: 'nonFinite', element: block * 32 });
  });

  it('a scale of MXFP4 that only the format calls NaN', async () => {
    const source = await converted('MXFP4', {});
    source.fill(0, 700 * 17, 701 * 17);
    source[700 * 17] = 0xff; // zeros times 2^127 are zeros
    expect(await check('MXFP4', source, rows * columns)).toMatchObject({ status: 'invalid', element: 700 * 32 });
  });

  it('integers hold no such values', async () => {
    expect(await check('I32', new Uint8Array(16).fill(0xff), 4)).toMatchObject({ status: 'done' });
  });
});

describe('loading', () => {
  it('names the folders that hold no library', async () => {
    const error = await thrownBy(() => findGgmlBase(['/nowhere']));
    expect(error).toMatchObject({ code: 'NATIVE_UNAVAILABLE', details: { searched: ['/nowhere'] } });
  });

  it('finds no addon above a folder without one', () => {
    expect(findAddon('/')).toBeNull();
  });
});
