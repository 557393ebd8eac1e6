// The sliced model that is computed when it is read: the same as its file in everything, whatever part is read; and what
// holds for any rotation of any width.
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import type { TensorEntry } from '../../../src-main/core/formats/tensor.ts';
import { orientations } from '../../../src-main/core/slicing/orientation.ts';
import type { SharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sliceShared } from '../../../src-main/core/slicing/slice-shared.ts';
import { slicedSource } from '../../../src-main/core/slicing/sliced-source.ts';
import type { SlicedSource } from '../../../src-main/core/slicing/sliced-source.ts';
import { sharedSlicingConfig } from '../../../src-main/core/slicing/slicing-config.ts';
import { temporaryFolder } from '../../llama-host/host.ts';
import { furthest, goldenModels, goldenTokens, readJson } from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { calibrated, firstDirections, float32, golden, graphRows, ports } from '../../support/slicing.ts';

const folder = temporaryFolder();
const sliced = (decoder: Decoder, rotation: SharedRotation): Promise<SlicedSource> =>
  slicedSource({ ...ports, decoder, rotation });
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);

/** Values by tensor, with the one weight that the norms of a sliced model have multiplied into what reads them. */
async function effective(source: SlicedSource): Promise<Map<string, Float64Array>> {
  const found = new Map<string, Float64Array>();
  for (const entry of source.tensors) found.set(entry.name, Float64Array.from(floats(await source.read(entry))));
  const [weight] = found.get('output_norm.weight')!;
  for (const [name, values] of found) {
    if (/_norm/.test(name)) found.delete(name);
    else if (/attn_[qkv]|ffn_(gate|up)|^output/.test(name)) values.forEach((value, i) => (values[i] = value * weight!));
  }
  return found;
}

describe.skipIf(!goldenModels)('a sliced model that is nowhere', () => {
  test.each(['llama-gqa', 'qwen2', 'qwen3', 'llama3-rope'])(
    '%s has the tensors, keys and values of its file',
    async (name) => {
      const decoder = await decoderOf(golden(name));
      const { rotation } = await calibrated(decoder, goldenTokens(name), { width: 40 });
      const source = await sliced(decoder, rotation);
      const output = path.join(folder, `${name}.gguf`);
      await sliceShared({ ...ports, ...float32, decoder, rotation, output });
      const file = (await decoderOf(output)).model;
      expect(source.tensors).toEqual(file.tensors);
      expect([source.config, source.parameters]).toEqual([file.config, file.parameters]);
      expect(new Map(source.gguf.metadata)).toEqual(new Map(file.gguf!.metadata));
      for (const entry of file.tensors) {
        expect(furthest(floats(await source.read(entry)), floats(await file.read(entry)))).toBeLessThan(1e-6);
      }
      // Any part of a tensor is that part of the whole.
      const parts = fc.tuple(
        fc.constantFrom(...file.tensors),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(5000),
      );
      await fc.assert(
        fc.asyncProperty(parts, async ([entry, place, most]) => {
          const offset = 4 * Math.floor(place * (entry.bytes / 4));
          const length = Math.min(4 * most, entry.bytes - offset);
          const expected = floats(await file.read(entry, offset, length));
          expect(furthest(floats(await source.read(entry, offset, length)), expected)).toBeLessThan(1e-6);
        }),
        { numRuns: 30 },
      );
      expect(await source.read(file.tensors[0]!, 3, 5)).toEqual((await source.read(file.tensors[0]!)).subarray(3, 8));
      await expect(source.read(file.tensors[0]!, file.tensors[0]!.bytes, 1)).rejects.toThrow(RangeError);
    },
  );

  test('reads of the dense model no more than the rows asked for', async () => {
    const decoder = await decoderOf(golden('qwen2'));
    const { rotation } = await calibrated(decoder, goldenTokens('qwen2'), { width: 40 });
    let read = 0;
    const model = {
      ...decoder.model,
      read: (entry: TensorEntry, offset = 0, length = entry.bytes): Promise<Uint8Array> => {
        read += length;
        return decoder.model.read(entry, offset, length);
      },
      readInto: (entry: TensorEntry, target: Uint8Array, offset = 0): Promise<void> => {
        read += target.length;
        return decoder.model.readInto(entry, target, offset);
      },
    };
    const source = await sliced({ ...decoder, model }, rotation);
    const entry = (name: string): TensorEntry => source.tensors.find((tensor) => tensor.name === name)!;
    const bytesRead = async (name: string, rows: readonly [number, number]): Promise<number> => {
      read = 0;
      const [first, count] = rows.map((row) => row * 40 * 4) as [number, number];
      await source.read(entry(name), first, count);
      return read;
    };
    const { hiddenSize, headDim } = decoder.config;
    const rowBytes = 4 * hiddenSize;
    expect(await bytesRead('token_embd.weight', [7, 3])).toBe(3 * rowBytes);
    // Rows of q change places within a head; the norm's weight is read with them.
    expect(await bytesRead('blk.0.attn_q.weight', [headDim + 1, 2])).toBe(headDim * rowBytes + rowBytes);
    read = 0;
    const output = entry('blk.1.attn_output.weight');
    const inputBytes = output.shape[0]! * 4;
    for (let row = 0; row < 40; row += 8) await source.read(output, row * inputBytes, 8 * inputBytes);
    expect(read).toBe(hiddenSize * inputBytes);
  });

  test('any rotation, cut in two steps, is the same as cut in one', async () => {
    const windows = goldenTokens('llama-gqa').map((window) => window.subarray(0, 16));
    const decoder = await decoderOf(golden('llama-gqa'));
    const widths = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...orientations), fc.nat(), widths, async (orientation, seed, pair) => {
        const [narrow, wide] = pair.toSorted((a, b) => a - b) as [number, number];
        const { rotation } = await calibrated(decoder, windows, { width: wide, orientation, seed });
        const half = openDecoder(await sliced(decoder, rotation));
        const cut = new Float64Array(narrow * wide);
        for (let index = 0; index < narrow; index += 1) cut[index * (wide + 1)] = 1;
        const twice = await effective(await sliced(half, { ...rotation, size: wide, width: narrow, basis: cut }));
        const once = await effective(await sliced(decoder, firstDirections(rotation, narrow)));
        for (const [name, values] of once) {
          expect(furthest(twice.get(name)!, values)).toBeLessThan(
            1e-5 * (1 + furthest(values, new Float64Array(values.length))),
          );
        }
      }),
      { numRuns: 12 },
    );
  });

  test.each(orientations)(
    '%s: at full width in F16 the logits are within two hundredths of the largest',
    async (orientation) => {
      const windows = goldenTokens('llama-gqa');
      const decoder = await decoderOf(golden('llama-gqa'));
      const { rotation } = await calibrated(decoder, windows, { width: 64, orientation, seed: 5 });
      const output = path.join(folder, `${orientation}.F16.gguf`);
      await sliceShared({ ...ports, ...float32, type: 'F16', decoder, rotation, output });
      const expected = await graphRows(decoder, windows, 'logits');
      const largest = furthest(
        expected,
        expected.map(() => 0),
      );
      const found = await graphRows(await decoderOf(output), windows, 'logits');
      expect(furthest(found, expected)).toBeLessThan(2e-2 * largest);
    },
  );

  test('its SlicingConfig has one width everywhere, under the keys of the reference code', async () => {
    const widths = { '0': 40, '1': 40, '2': 40, '3': 40 };
    const config = sharedSlicingConfig(await decoderOf(golden('llama-gqa')), 40);
    const official = readJson<{ slicing_config: object }>(path.join(golden('llama-gqa'), 'official.json'));
    expect(Object.keys(config)).toEqual(Object.keys(official.slicing_config));
    expect(config).toEqual({
      hidden_size: 64,
      layers_num: 4,
      do_slice_head: true,
      parallel_blocks: false,
      embedding_dimensions: { '0': 40 },
      attention_input_dimensions: widths,
      attention_output_dimensions: widths,
      mlp_input_dimensions: widths,
      mlp_output_dimensions: widths,
      head_dimension: 40,
      const_dimension: null,
    });
  });
});
