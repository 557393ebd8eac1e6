// Importance in the turned basis, against squares that a forward of the rotated model collects; and types in the same
// pass, against slicing to F32 and quantising that file.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { openImportance } from '../../../src-main/core/quantization/importance-file.ts';
import type { ImportanceFile } from '../../../src-main/core/quantization/importance-file.ts';
import { quantizeModel } from '../../../src-main/core/quantization/quantize-model.ts';
import { writeImportance } from '../../../src-main/core/quantization/write-importance.ts';
import { collectSharedStatistics } from '../../../src-main/core/calibration/collect-statistics.ts';
import type { SummedGram } from '../../../src-main/core/calibration/gram-file.ts';
import { orientations } from '../../../src-main/core/slicing/orientation.ts';
import { rotatedImportance, rotatedMeanSquares } from '../../../src-main/core/slicing/rotated-importance.ts';
import type { SharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sliceShared } from '../../../src-main/core/slicing/slice-shared.ts';
import type { SliceRequest, SliceResult } from '../../../src-main/core/slicing/slice-shared.ts';
import { slicedSource } from '../../../src-main/core/slicing/sliced-source.ts';
import { someTokens, temporaryFolder } from '../../llama-host/host.ts';
import { goldenModels, goldenTokens } from '../../support/golden-models.ts';
import { sampleModel } from '../../support/paths.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { calibrated, float32, golden, ports } from '../../support/slicing.ts';

const folder = temporaryFolder();
const opened: ImportanceFile[] = [];
afterEach(async () => {
  for (const file of opened.splice(0)) await file.close();
});
let files = 0;
const newFile = (): string => path.join(folder, `${files++}.gguf`);

/** Writes mean squares of `rows` rows as an imatrix, and opens it. */
async function importanceOf(means: ReadonlyMap<string, ArrayLike<number>>, rows: number): Promise<ImportanceFile> {
  let offset = 0;
  const entries = Array.from(means, ([name, { length: columns }]) => {
    const entry = { name, columns, slices: 1, offset };
    offset += columns + 1;
    return entry;
  });
  const values = new Float32Array(offset);
  for (const { name, columns, offset: place } of entries) {
    values.set(Float32Array.from(means.get(name)!), place);
    values[place + columns] = rows;
  }
  const output = newFile();
  const raw = memorySource('made up', new Uint8Array(values.buffer));
  await writeImportance({ ...ports, raw, entries, output, datasets: [], chunks: 1, chunkSize: rows });
  opened.push(await openImportance(output));
  return opened.at(-1)!;
}

interface Sample {
  decoder: Decoder;
  gram: SummedGram;
  rotation: SharedRotation;
  /** Of the dense model. */
  file: ImportanceFile;
}

async function sample(more: Parameters<typeof calibrated>[2]): Promise<Sample> {
  return calibratedSample(
    sampleModel,
    [1, 2].map((seed) => someTokens(128, seed)),
    more,
  );
}

async function calibratedSample(
  model: string,
  windows: Int32Array[],
  more: Parameters<typeof calibrated>[2],
): Promise<Sample> {
  const decoder = await decoderOf(model);
  const { statistics, rotation } = await calibrated(decoder, windows, more);
  const gram = { ...statistics, gram: Float64Array.from(statistics.gram), size: decoder.config.hiddenSize };
  return { decoder, gram, rotation, file: await importanceOf(statistics.squares, statistics.tokens) };
}

async function slice(
  { decoder, rotation, gram, file }: Sample,
  more: Partial<SliceRequest>,
): Promise<SliceResult & { output: string }> {
  const output = newFile();
  const importance = { file, gram };
  return { ...(await sliceShared({ ...ports, ...float32, decoder, rotation, importance, output, ...more })), output };
}

/** SHA-256 of the bytes of every tensor: arrays of megabytes compare slowly. */
async function contents(file: string): Promise<Map<string, string>> {
  const model = await openGguf(file);
  try {
    const found = new Map<string, string>();
    for (const entry of model.tensors) {
      found.set(
        `${entry.name} ${entry.type}`,
        createHash('sha256')
          .update(await model.read(entry))
          .digest('hex'),
      );
    }
    return found;
  } finally {
    await model.close();
  }
}

test.skipIf(!goldenModels).each(orientations)(
  '%s: mean squares behind norms are what a forward of the rotated model finds',
  async (orientation) => {
    const windows = goldenTokens('qwen2');
    const decoder = await decoderOf(golden('qwen2'));
    const width = decoder.config.hiddenSize;
    const { statistics, rotation } = await calibrated(decoder, windows, { width, orientation, seed: 2 });
    const gram = { ...statistics, gram: Float64Array.from(statistics.gram), size: width };
    const means = await rotatedMeanSquares({ ...ports, gram, rotation });

    const rotated = openDecoder(await slicedSource({ ...ports, decoder, rotation }));
    const { squares, sites, tokens } = await collectSharedStatistics({ ...ports, decoder: rotated, windows });
    const behindNorms = Array.from(squares).filter(([name]) => /attn_q|ffn_gate|^output/.test(name));
    expect(behindNorms).toHaveLength(sites);
    means.forEach((mean, column) => {
      const sum = behindNorms.reduce((total, [, columns]) => total + columns[column]!, 0);
      expect(Math.abs(sum / (tokens * sites) / mean - 1)).toBeLessThan(1e-4);
    });
    for (const [name, columns] of squares) {
      if (!/attn_output|ffn_down/.test(name)) continue;
      const dense = statistics.squares.get(name)!;
      columns.forEach((value, column) => expect(Math.abs(value / dense[column]! - 1)).toBeLessThan(1e-4));
    }
  },
);

test.skipIf(!goldenModels)('importance of joined tensors belongs to a slice whose tensors are apart', async () => {
  const found = await calibratedSample(golden('phi3'), goldenTokens('phi3'), { width: 64 });
  expect(found.file.names).toContain('blk.0.attn_qkv.weight');
  const types = { 'blk.0.attn_k.weight': 'Q4_0', 'blk.0.attn_output.weight': 'Q4_0' };
  const [aware, plain] = [await slice(found, { types }), await slice(found, { types, importance: null })];
  const [left, right] = [await contents(aware.output), await contents(plain.output)];
  const changed = [...left.keys()].filter((name) => left.get(name) !== right.get(name));
  expect(changed.toSorted()).toEqual(['blk.0.attn_k.weight Q4_0', 'blk.0.attn_output.weight Q4_0']);
});

describe('types in the same pass', () => {
  const types = {
    'token_embd.weight': 'Q8_0',
    'blk.0.attn_q.weight': 'Q4_K',
    'blk.0.attn_k.weight': 'IQ4_XS',
    'blk.0.attn_output.weight': 'Q4_0',
    'output.weight': 'Q4_0',
    'blk.0.ffn_down.weight': 'Q4_0',
  };

  test('are byte for byte what slicing to F32 and then quantising gives', async () => {
    const source = await sample({ width: 256, orientation: 'hadamard', seed: 4 });
    const { decoder, gram, rotation, file } = source;
    const result = await slice(source, { type: 'F16', types, fileType: 15 });
    const total = Object.values(result.tensorTypes).reduce((sum, count) => sum + count, 0);
    expect(result.tensorTypes).toMatchObject({ Q8_0: 1, Q4_K: 1, Q4_0: 3, IQ4_XS: 1 });
    const found = await contents(result.output);
    expect(found.size).toBe(total);

    const plain = await slice(source, { importance: null });
    expect(plain.tensorTypes).toEqual({ F32: total });
    const { sliced } = await slicedSource({ ...ports, decoder, rotation });
    const rotated = await rotatedImportance({ ...ports, decoder, sliced, rotation, gram, file });
    const means = new Map<string, Float32Array>();
    for (const name of rotated.names) means.set(name, (await rotated.read(name)).means);
    const model = await openGguf(plain.output);
    const importance = await importanceOf(means, 1);
    const output = newFile();
    const matrices = model.tensors.filter(({ shape }) => shape.length > 1).map(({ name }) => [name, 'F16'] as const);
    const all = { ...Object.fromEntries(matrices), ...types };
    await quantizeModel({ ...ports, model, output, types: all, fileType: 15, importance });
    await model.close();
    expect(found).toEqual(await contents(output));
    const written = await openGguf(result.output);
    expect(written.metadata.integer('general.file_type')).toBe(15);
    await written.close();
  });

  test('depend on the relations of importance alone, not on its scale', async () => {
    const source = await sample({ width: 256 });
    // A power of two, so that nothing is rounded.
    const scaled = { ...source, gram: { ...source.gram, tokens: source.gram.tokens / 8 } };
    const more = { types: { 'blk.0.attn_q.weight': 'Q4_K', 'blk.0.attn_k.weight': 'IQ4_XS' } };
    const found = await contents((await slice(source, more)).output);
    expect(await contents((await slice(scaled, more)).output)).toEqual(found);
  });

  test('importance of turned columns changes what is written; without any, types that need it are refused', async () => {
    const source = await sample({ width: 256 });
    const q4 = { types: { 'blk.0.attn_q.weight': 'Q4_K' } };
    const withIt = await contents((await slice(source, q4)).output);
    const without = await contents((await slice(source, { ...q4, importance: null })).output);
    const differing = Array.from(withIt.keys()).filter((name) => withIt.get(name) !== without.get(name));
    expect(differing).toEqual(['blk.0.attn_q.weight Q4_K']);
    const needy = { types: { 'blk.0.attn_k.weight': 'IQ3_XXS' }, importance: null };
    await expect(slice(source, needy)).rejects.toMatchObject({ code: 'IMPORTANCE_MISSING' });
    await expect(slice(source, { types: { 'blk.9999.attn_q.weight': 'Q4_K' } })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });

  test('importance of another model is refused', async () => {
    const source = await sample({ width: 256 });
    const file = await importanceOf(new Map([['blk.0.attn_output.weight', new Float32Array(64).fill(1)]]), 1);
    await expect(slice({ ...source, file }, {})).rejects.toMatchObject({ code: 'IMPORTANCE_MISMATCH' });
  });
});
