// ggml's kernels through the addon against gguf-py's independent implementation (test/fixtures/quant: gguf 0.19.0).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../src-main/core/formats/safetensors-reader.ts';
import type { MathAddon, NativeType } from '../../src-main/worker/native/addon-types.ts';
import { openGgml } from '../../src-main/worker/native/native-quantizer.ts';
import { fixtures } from '../support/paths.ts';

interface GoldenType {
  bytes: number;
  sha256: string;
  relative_squared_error: number;
}

const quant = path.join(fixtures, 'quant');
const golden = JSON.parse(readFileSync(path.join(quant, 'reference.json'), 'utf8')) as {
  types: Record<string, GoldenType>;
};
const rows = 256;
const columns = 512;

let addon: MathAddon;
let types: ReadonlyMap<string, NativeType>;
let matrix: Uint8Array;

beforeAll(async () => {
  ({ addon, types } = openGgml());
  matrix = await tensorOf('matrix.safetensors', 'x');
});

async function tensorOf(file: string, name: string): Promise<Uint8Array> {
  const files = await openSafetensors(path.join(quant, file));
  const content = await files.read(files.tensors.find((tensor) => tensor.name === name)!);
  await files.close();
  return content;
}

async function dequantized(type: string, source: Uint8Array, elements: number): Promise<Float32Array> {
  const output = new Float32Array(elements);
  const outcome = await addon.dequantize({
    type: types.get(type)!.id,
    source,
    elements,
    output,
    threads: 2,
    cancel: null,
  });
  expect(outcome.status).toBe('done');
  return output;
}

/** sum((a - b)^2) / sum(a^2) */
function relativeSquaredError(expected: Float32Array, actual: Float32Array): number {
  let error = 0;
  let total = 0;
  for (let index = 0; index < expected.length; index += 1) {
    error += (expected[index]! - actual[index]!) ** 2;
    total += expected[index]! ** 2;
  }
  return error / total;
}

describe('golden quantisation', () => {
  it.each(Object.entries(golden.types))('%s: bytes and error', async (type, expected) => {
    const output = new Uint8Array(expected.bytes);
    const shape = { rows, columns, firstRow: 0, rowsPerSlice: rows };
    const numbers = { sourceType: 0, targetType: types.get(type)!.id };
    const outcome = await addon.convertRows({
      ...numbers,
      ...shape,
      source: matrix,
      output,
      importance: null,
      threads: 2,
      cancel: null,
    });
    expect(outcome).toEqual({ status: 'done', element: -1, value: 0 });
    expect(createHash('sha256').update(output).digest('hex')).toBe(expected.sha256);
    const error = relativeSquaredError(
      new Float32Array(matrix.buffer, matrix.byteOffset, rows * columns),
      await dequantized(type, output, rows * columns),
    );
    expect(error / expected.relative_squared_error).toBeCloseTo(1, 6);
  });

  it.each(['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_NL', 'IQ4_XS'])('%s: dequantised blocks', async (type) => {
    const source = await tensorOf('dequant_blocks.safetensors', `${type}.bytes`);
    const expectedBytes = await tensorOf('dequant_blocks.safetensors', `${type}.f32`);
    const expected = new Float32Array(expectedBytes.buffer, expectedBytes.byteOffset, expectedBytes.length / 4);
    const actual = await dequantized(type, source, expected.length);
    for (const [index, value] of expected.entries())
      expect(Math.abs(actual[index]! - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value));
  });
});
