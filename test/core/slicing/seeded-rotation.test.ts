// A rotation of no text: orthogonal, dense, not its own transpose; and a model turned by its factors is the one that is
// turned by its basis, as slices are.
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { slicedSource } from '../../../src-main/core/slicing/sliced-source.ts';
import type { SlicedSource } from '../../../src-main/core/slicing/sliced-source.ts';
import { seededRotation } from '../../../src-main/core/slicing/seeded-rotation.ts';
import { furthest, goldenModels } from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { golden, ports } from '../../support/slicing.ts';
import { distanceFromOrthonormal, toMatrix } from '../../worker/matrices.ts';

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);

describe('a seeded rotation', () => {
  test.each([1, 7, 64, 96])('of %d dimensions is orthogonal, and the same for the same seed', async (size) => {
    const found = await seededRotation(size, 3, ports);
    expect(found.orthogonality).toBeLessThan(1e-13);
    expect(distanceFromOrthonormal(found.basis, size, size)).toBeLessThan(1e-13);
    expect((await seededRotation(size, 3, ports)).basis).toEqual(found.basis);
    expect(furthest((await seededRotation(size, 4, ports)).basis, found.basis)).toBeGreaterThan(size > 1 ? 0.01 : -1);
  });

  test('mixes all coordinates, differently from its transpose', async () => {
    const { basis } = await seededRotation(96, 0, ports);
    const rows = toMatrix(basis, 96, 96);
    expect(basis.filter((value) => Math.abs(value) < 1e-6).length).toBeLessThan(10);
    expect(furthest(Float64Array.from(rows.transpose().to1DArray()), basis)).toBeGreaterThan(0.05);
    const diagonal = rows.diagonal().reduce((sum, value) => sum + value ** 2, 0);
    expect(diagonal / 96).toBeLessThan(0.85);
  });
});

describe.skipIf(!goldenModels)('a model turned by a seeded rotation', () => {
  test.each(['llama-gqa', 'qwen2', 'qwen3'])('%s: factors make what the basis makes', async (name) => {
    const decoder = await decoderOf(golden(name));
    const { factors, ...rotation } = await seededRotation(decoder.config.hiddenSize, 0, ports);
    const byBasis = await slicedSource({ ...ports, decoder, rotation });
    const exact = await slicedSource({ ...ports, decoder, rotation: { ...rotation, factors } });
    const quick = await slicedSource({ ...ports, decoder, rotation: { ...rotation, factors }, arithmetic: 'float32' });
    for (const entry of byBasis.tensors) {
      const wanted = floats(await byBasis.read(entry));
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const distance = async (source: SlicedSource): Promise<number> =>
        furthest(floats(await source.read(source.tensors.find((own) => own.name === entry.name)!)), wanted) / largest;
      expect(await distance(exact), entry.name).toBeLessThan(1e-7);
      expect(await distance(quick), entry.name).toBeLessThan(2e-6);
    }
  });

  test('single rows are those of the whole', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const rotation = await seededRotation(decoder.config.hiddenSize, 0, ports);
    const source = await slicedSource({ ...ports, decoder, rotation });
    const entry = (name: string) => source.tensors.find((own) => own.name === name)!;
    const whole = floats(await source.read(entry('token_embd.weight')));
    const rows = Int32Array.of(0, 3, 4, 100, decoder.config.vocabSize - 1);
    const size = decoder.config.hiddenSize;
    const wanted = Array.from(rows, (row) => [...whole.subarray(row * size, (row + 1) * size)]).flat();
    const found = floats(await source.gather!(entry('token_embd.weight'), rows));
    expect(furthest(found, Float32Array.from(wanted))).toBeLessThan(1e-7);
    for (const name of ['blk.0.attn_q.weight', 'blk.0.attn_output.weight']) {
      await expect(source.gather!(entry(name), rows)).rejects.toThrow(AppError);
    }
  });
});
