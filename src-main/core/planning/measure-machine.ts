// How fast this machine multiplies, quantises, writes and reads: a second or two of measuring, half of it ggml's tables of
// IQ types, through the same ports as the work itself.
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { MachineRates } from '../../contract/preflight.ts';
import { bitsPerWeight } from '../formats/ggml-types.ts';
import { requireSpace } from '../formats/disk-space.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import type { Quantizer } from '../quantization/quantizer.ts';

export interface MeasureOptions {
  linearAlgebra: LinearAlgebra;
  quantizer: Quantizer;
  threads: number;
  /** A folder for a file, which does not stay. */
  folder: string;
  signal: AbortSignal;
}

/** Long enough that a thread's start does not count, short enough that all of it takes a second. */
const secondsEach = 0.2;
/** Edge of the matrices: products of this size reach the full rate (at 512, 0.9 of it), and one takes 10 ms. */
const size = 768;
/** Of a matrix that is quantised: half a second for the slowest kernel on one core, were it all. */
const rows = 128;
const fileBytes = 2 ** 25;
/** A type of each speed. None of them needs importance; with it they are as fast or slower. */
const measuredTypes = { legacy: 'Q8_0', k: 'Q4_K', iq: 'IQ3_S' } as const;

/** @throws CANCELLED, NATIVE_UNAVAILABLE, DISK_FULL */
export async function measureMachine(options: MeasureOptions): Promise<MachineRates> {
  const values = new Float32Array(size * size).map((_value, index) => Math.sin(index));
  return {
    threads: options.threads,
    operationsPerSecond: await productRate(options, values),
    weightsPerSecond: {
      legacy: await quantizingRate(options, measuredTypes.legacy, values),
      k: await quantizingRate(options, measuredTypes.k, values),
      iq: await quantizingRate(options, measuredTypes.iq, values),
    },
    ...(await diskRates(options)),
  };
}

/** Units per second of the calls after the first, which loads tables and starts threads. */
async function rateOf(units: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const start = performance.now();
  let calls = 0;
  let seconds = 0;
  while (seconds < secondsEach) {
    await work();
    calls += 1;
    seconds = (performance.now() - start) / 1000;
  }
  return (calls * units) / seconds;
}

function productRate({ linearAlgebra, signal }: MeasureOptions, values: Float32Array): Promise<number> {
  const output = new Float32Array(size * size);
  const product = { what: 'the measuring of this machine', rows: size, inner: size, columns: size };
  return rateOf(2 * size ** 3, () => linearAlgebra.gemm({ ...product, a: values, b: values, output }, signal));
}

function quantizingRate({ quantizer, signal }: MeasureOptions, type: string, values: Float32Array): Promise<number> {
  const source = new Uint8Array(values.buffer, 0, 4 * rows * size);
  const output = new Uint8Array((rows * size * bitsPerWeight(type)) / 8);
  const conversion = { sourceType: 'F32', source, targetType: type, output, rows, columns: size };
  return rateOf(rows * size, () =>
    quantizer.convert({ ...conversion, firstRow: 0, rowsPerSlice: rows, importance: null }, signal),
  );
}

async function diskRates({
  folder,
}: MeasureOptions): Promise<Pick<MachineRates, 'writeBytesPerSecond' | 'readBytesPerSecond'>> {
  const file = path.join(folder, 'measure.bin');
  await requireSpace(file, fileBytes);
  // Not all zero, which some disks do not write.
  const content = Buffer.alloc(fileBytes, 'snug');
  const handle = await open(file, 'w+');
  try {
    const start = performance.now();
    await handle.writeFile(content);
    await handle.sync();
    const written = performance.now();
    await handle.read(content, 0, fileBytes, 0);
    const rate = (milliseconds: number): number => fileBytes / (Math.max(0.1, milliseconds) / 1000);
    return {
      writeBytesPerSecond: rate(written - start),
      readBytesPerSecond: rate(performance.now() - written),
    };
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
}
