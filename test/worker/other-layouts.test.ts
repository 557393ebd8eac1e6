// Phi 1 to 4 as GGUF against llama.cpp, and which of the new layouts a shared rotation can slice. Tolerances:
// golden/README.md.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedSliceRefusal } from '../../src-main/core/slicing/shared-refusal.ts';
import { sliceShared } from '../../src-main/core/slicing/slice-shared.ts';
import { folderTensors } from '../../src-main/core/export/weights/decoder-tensors.ts';
import { withJoinedInputs } from '../support/broken-models.ts';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import { convert, folderLike } from '../core/export/folders.ts';
import { exact, handlers, plainCaller, temporaryFolder } from '../llama-host/host.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  readFloat64,
  tinyModel,
} from '../support/golden-models.ts';
import { denseFloat64, float64Logits } from '../support/float64-model.ts';
import { decoderOf, modelOf, run } from '../support/graph-runs.ts';
import { geluTanh } from '../support/reference-decoder.ts';
import { calibrated, float32, graphRows, lastPositions, ports } from '../support/slicing.ts';

const scratch = temporaryFolder();

/** [8, V] of llama.cpp's log-probabilities at the last positions of the first window. */
async function hostRows(model: string, windows: readonly Int32Array[]): Promise<Float32Array> {
  const [tokens] = windows as [Int32Array];
  return (await handlers.logProbs({ model, tokens, positions: lastPositions(tokens), settings: exact }, plainCaller))
    .logProbs;
}

function logProbabilities(logits: Float64Array): Float64Array {
  const top = Math.max(...logits);
  const total = top + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0));
  return logits.map((value) => value - total);
}

/** llama.cpp's GELU: a table of F16 values by F16 arguments. */
const tableGelu = (x: number): number => {
  if (Math.abs(x) >= 10) return Math.max(0, x);
  const round = (value: number): number => new Float16Array([value])[0]!;
  return round(geluTanh(round(x)));
};

describe.skipIf(!goldenModels)('GGUF files', () => {
  test.each([
    ['phi', 'phi2', 1e-2],
    ['phi3', 'phi3', 1e-3],
  ] as const)('%s: golden logits, and log-probabilities of llama.cpp', async (name, family, tolerance) => {
    const { output } = await convert(tinyModel(name));
    const [decoder, folder] = [await decoderOf(output), await decoderOf(tinyModel(name))];
    expect(decoder.model.config.architecture).toBe(family);
    expect(decoder.config).toEqual(folder.config);
    const windows = goldenTokens(name);
    const positions = goldenPositions(windows[0]!.length);
    const { rows } = await run(decoder, windows, { positions, rowKind: 'logits', nll: false });
    expect(furthest(rows, readFloat64(path.join(tinyModel(name), 'dense.safetensors'), 'logits'))).toBeLessThan(1e-3);
    const own = await graphRows(decoder, windows, 'logProbs');
    expect(furthest(await hostRows(output, windows), own)).toBeLessThan(tolerance);
  });

  test.each([['phi3', 'rope_factors_long.weight', /LongRoPE scaling/]])(
    'a %s with %s is refused',
    async (name, tensor, message) => {
      const model = await modelOf((await convert(tinyModel(name))).output);
      const tensors = [...model.tensors, { ...model.tensors[0]!, name: tensor }];
      expect(() => openDecoder({ ...model, tensors })).toThrow(message);
    },
  );

  test('phi as old converters wrote it, q, k and v in one tensor, is the same; to llama.cpp too', async () => {
    const { output } = await convert(tinyModel('phi'));
    const joined = path.join(scratch, 'joined.gguf');
    await withJoinedInputs(output, joined);
    const [apart, decoder] = [await decoderOf(output), await decoderOf(joined)];
    expect(decoder.model.tensors.map(({ name }) => name)).toContain('blk.3.attn_qkv.bias');
    const windows = goldenTokens('phi');
    expect(await graphRows(decoder, windows, 'logProbs')).toEqual(await graphRows(apart, windows, 'logProbs'));
    expect(furthest(await hostRows(joined, windows), await hostRows(output, windows))).toBeLessThan(1e-5);
    const written = folderTensors(decoder, 'F32').map(({ name, shape, source }) => ({
      name,
      shape,
      bytes: source.bytes,
    }));
    expect(written).toEqual(
      folderTensors(apart, 'F32').map(({ name, shape, source }) => ({ name, shape, bytes: source.bytes })),
    );
  });

  test.each([
    ['phi3', { sliding_window: 96 }, 96],
    ['mistral', { sliding_window: 96 }, 96],
    ['mistral', { sliding_window: undefined, max_position_embeddings: 8192 }, 4096],
  ])('of a %s whose window llama.cpp ignores (%j) the context ends with it', async (name, fields, context) => {
    const folder = folderLike(tinyModel(name), { 'config.json': fields });
    const model = await modelOf((await convert(folder)).output);
    expect(model.config.contextLength).toBe(context);
    expect(openDecoder(model).config.longestWindow).toBeNull();
  });

  test('phi: what is left between llama.cpp and exact arithmetic is its table of GELU', async () => {
    const { output } = await convert(tinyModel('phi'));
    const windows = goldenTokens('phi').slice(0, 1);
    const dense = await denseFloat64(await decoderOf(output));
    const [rows] = float64Logits({ ...dense, decoder: { ...dense.decoder, activate: tableGelu } }, windows);
    const expected = lastPositions(windows[0]!).flatMap((position) => [...logProbabilities(rows![position]!)]);
    expect(furthest(await hostRows(output, windows), expected)).toBeLessThan(1e-3);
  });
});

describe.skipIf(!goldenModels)('one shared rotation', () => {
  test('phi3 is written as llama, its matrices apart, and is the same to llama.cpp', async () => {
    const windows = goldenTokens('phi3');
    const decoder = await decoderOf(tinyModel('phi3'));
    expect(sharedSliceRefusal(decoder.model)).toBeNull();
    const { rotation } = await calibrated(decoder, windows, { width: 48 });
    const output = path.join(scratch, 'phi3.gguf');
    const result = await sliceShared({ ...ports, ...float32, decoder, rotation, output });
    const sliced = await decoderOf(output);
    expect(sliced.architecture.name).toBe('llama');
    expect(sliced.config).toMatchObject({ hiddenSize: 48, headDim: 16, numKeyValueHeads: 2, rotaryDim: 16 });
    // V = 512 twice; per layer q and o of 64, k and v of 32, three of F = 160; nine norms.
    expect(result.parametersAfter).toBe(48 * (2 * 512 + 4 * (2 * 64 + 2 * 32 + 3 * 160) + 9));
    expect(furthest(await hostRows(output, windows), await graphRows(sliced, windows, 'logProbs'))).toBeLessThan(1e-3);
  });

  test.each(['opt', 'phi'])('%s is refused: its rotated blocks have no form', async (name) => {
    const model = await modelOf(tinyModel(name));
    expect(sharedSliceRefusal(model)).toMatch(/LayerNorms RMS norms, and no GGUF runner/);
    // Before a weight is read.
    const noRead = (): never => expect.unreachable('a tensor was read');
    const decoder = { ...(await decoderOf(tinyModel(name))), model: { ...model, read: noRead, readInto: noRead } };
    const rotation = {
      ...{ size: 64, width: 48, basis: new Float64Array(48 * 64) },
      orientation: { kind: 'pca' as const, seed: 0, hadamardOrder: 1, randomOrder: 1 },
    };
    const slice = sliceShared({ ...ports, ...float32, decoder, rotation, output: path.join(scratch, 'none.gguf') });
    await expect(slice).rejects.toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE', details: { architecture: name } });
  });
});
