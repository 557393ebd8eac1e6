// Sliced files of every family and form of source: the same function when only rotated, the same log-probabilities in
// llama.cpp as in our own forward of the file read back, and a tie that survives where it may.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import { convertFolder } from '../../../src-main/core/export/hf-to-gguf/convert-folder.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { checkInvariance } from '../../../src-main/core/slicing/invariance.ts';
import type { SharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sliceShared } from '../../../src-main/core/slicing/slice-shared.ts';
import type { SliceRequest, SliceResult } from '../../../src-main/core/slicing/slice-shared.ts';
import { exact, handlers, plainCaller, temporaryFolder } from '../../llama-host/host.ts';
import { furthest, goldenModels, goldenTokens } from '../../support/golden-models.ts';
import { fixtures } from '../../support/paths.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import {
  calibrated,
  firstDirections,
  float32,
  golden,
  graphRows,
  lastPositions,
  ports,
} from '../../support/slicing.ts';

const folder = temporaryFolder();
const rotationOf = async (decoder: Decoder, windows: Int32Array[], width: number): Promise<SharedRotation> =>
  (await calibrated(decoder, windows, { width })).rotation;

let files = 0;
async function slice(
  decoder: Decoder,
  rotation: SharedRotation,
  more: Partial<SliceRequest> = {},
): Promise<{ sliced: Decoder; result: SliceResult }> {
  const output = path.join(folder, `sliced-${files++}.gguf`);
  const result = await sliceShared({ ...ports, ...float32, decoder, rotation, output, ...more });
  return { sliced: await decoderOf(output), result };
}

async function hostLogProbs(model: string, [tokens]: Int32Array[]): Promise<Float32Array> {
  const request = { model, tokens: tokens!, positions: lastPositions(tokens!), settings: exact };
  return (await handlers.logProbs(request, plainCaller)).logProbs;
}

const gguf = (name: string): string => path.join(fixtures, `gguf/${name}.gguf`);

describe.skipIf(!goldenModels)('sliced files', () => {
  test.each([
    ['a Mistral folder', golden('mistral'), 'mistral', 'llama'],
    ['a folder with Llama 3 scaling', golden('llama3-rope'), 'llama3-rope', 'llama'],
    ['a GGUF with rope_freqs', gguf('llama3-rope-f32'), 'llama3-rope', 'llama'],
    ['a quantised GGUF', gguf('llama-gqa-q8_0'), 'llama-gqa', 'llama'],
    ['a Qwen 2 folder with biases', golden('qwen2'), 'qwen2', 'llama'],
    ['a Qwen 3 folder with norms on heads', golden('qwen3'), 'qwen3', 'qwen3'],
  ])('%s', async (_, file, tokens, architecture) => {
    const windows = goldenTokens(tokens);
    const decoder = await decoderOf(file);
    const rotation = await rotationOf(decoder, windows, 64);
    const invariance = await checkInvariance({ ...ports, decoder, windows });
    expect(invariance).toMatchObject({ tokens: windows.length * windows[0]!.length, passed: true });
    expect(invariance.largestLogitChange).toBeLessThan(1e-3);
    expect(Math.abs(invariance.perplexityAfter / invariance.perplexityBefore - 1)).toBeLessThan(1e-5);

    const { sliced, result } = await slice(decoder, firstDirections(rotation, 40));
    expect(result).toMatchObject({ architecture, width: 40, sparsity: 0.375 });
    const { metadata } = sliced.model.gguf!;
    const { headDim } = decoder.config;
    for (const key of ['attention.key_length', 'attention.value_length', 'rope.dimension_count']) {
      expect(metadata.integer(`${architecture}.${key}`)).toBe(headDim);
    }
    expect(metadata.integer(`${architecture}.embedding_length`)).toBe(40);
    expect(Array.from(metadata.keys()).filter((key) => /^(qwen2|mistral)\./.test(key))).toEqual([]);
    expect(sliced.ropeDivisors !== null).toBe(tokens === 'llama3-rope');
    const ours = await graphRows(sliced, windows, 'logProbs');
    expect(furthest(await hostLogProbs(sliced.model.path, windows), ours)).toBeLessThan(1e-3);
  });

  test('slicing to 56 and then to 40 is slicing to 40', async () => {
    const windows = goldenTokens('llama-gqa');
    const decoder = await decoderOf(golden('llama-gqa'));
    const rotation = await rotationOf(decoder, windows, 64);
    const { sliced: half } = await slice(decoder, firstDirections(rotation, 56));
    const cut = new Float64Array(40 * 56);
    for (let index = 0; index < 40; index += 1) cut[index * 57] = 1;
    const { sliced: twice } = await slice(half, { ...rotation, size: 56, width: 40, basis: cut });
    const { sliced: once } = await slice(decoder, firstDirections(rotation, 40));
    const expected = await graphRows(once, windows, 'logits');
    expect(furthest(await graphRows(twice, windows, 'logits'), expected)).toBeLessThan(1e-4);
  });

  test('a tie survives where the last norm has one weight, and is counted where it does not', async () => {
    const windows = goldenTokens('llama-tied');
    const whole = await decoderOf(golden('llama-tied'));
    const broken = await slice(whole, await rotationOf(whole, windows, 48));
    expect(broken.result.untiedParameters).toBe(512 * 48);
    expect(broken.sliced.config.tiedEmbeddings).toBe(false);

    const decoder = await decoderOf(await withConstantFinalNorm(whole, -1.5));
    const rotation = await rotationOf(decoder, windows, 64);
    const rotated = await slice(decoder, rotation);
    expect(rotated.result).toMatchObject({ untiedParameters: 0, parametersAfter: rotated.result.parametersBefore });
    const expected = await graphRows(decoder, windows, 'logits');
    expect(furthest(await graphRows(rotated.sliced, windows, 'logits'), expected)).toBeLessThan(1e-3);
    // Sliced, the tie may not change the function either: the same model with its head as a tensor of its own.
    const cut = firstDirections(rotation, 48);
    const tied = await slice(decoder, cut);
    const untied = await slice({ ...decoder, config: { ...decoder.config, tiedEmbeddings: false } }, cut);
    expect([tied, untied].map(({ sliced }) => sliced.config.tiedEmbeddings)).toEqual([true, false]);
    const ours = await graphRows(tied.sliced, windows, 'logits');
    expect(furthest(ours, await graphRows(untied.sliced, windows, 'logits'))).toBeLessThan(1e-3);
    const logProbs = await graphRows(tied.sliced, windows, 'logProbs');
    expect(furthest(await hostLogProbs(tied.sliced.model.path, windows), logProbs)).toBeLessThan(1e-3);
  });

  test.each(['F16', 'BF16'] as const)('as %s', async (type) => {
    const windows = goldenTokens('llama-gqa');
    const decoder = await decoderOf(golden('llama-gqa'));
    const { sliced } = await slice(decoder, await rotationOf(decoder, windows, 48), { type });
    const types = new Set(sliced.model.tensors.map((entry) => `${entry.shape.length}D ${entry.type}`));
    expect([...types].toSorted()).toEqual(['1D F32', `2D ${type}`]);
    expect(sliced.model.gguf!.metadata.integer('general.file_type')).toBe(type === 'F16' ? 1 : 32);
  });

  test('what cannot be done is refused, and no file is left', async () => {
    const windows = goldenTokens('llama-gqa');
    const decoder = await decoderOf(golden('llama-gqa'));
    const rotation = await rotationOf(decoder, windows, 48);
    const before = readdirSync(folder);
    await expect(slice(decoder, { ...rotation, size: 65 })).rejects.toMatchObject({ code: 'USAGE' });
    const controller = new AbortController();
    const cancelled = slice(decoder, rotation, { signal: controller.signal, progress: () => controller.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    const huge = { ...rotation, basis: rotation.basis.map((value) => value * 1e6) };
    await expect(slice(decoder, huge, { type: 'F16' })).rejects.toMatchObject({ code: 'NON_FINITE' });
    expect(readdirSync(folder)).toEqual(before);
  });
});

/** The model as a GGUF whose last norm multiplies by `value` alone. */
async function withConstantFinalNorm({ model }: Decoder, value: number): Promise<string> {
  const plain = path.join(folder, 'plain.gguf');
  await convertFolder({ ...ports, source: model, output: plain, type: 'F32' });
  const source = await decoderOf(plain);
  const output = path.join(folder, 'constant-norm.gguf');
  const { gguf: file, tensors } = source.model;
  const writer = await createGgufWriter(output, ggufLayout(file!.metadata, tensors));
  for (const entry of tensors) {
    const constant = new Float32Array(64).fill(value);
    const isNorm = entry.name === 'output_norm.weight';
    await writer.writeTensor(entry.name, isNorm ? new Uint8Array(constant.buffer) : await source.model.read(entry));
  }
  await writer.finish();
  return output;
}
