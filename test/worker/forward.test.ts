// Whole forward passes on onnxruntime against golden/models and golden/gguf (float64, transformers), a float64 oracle
// of our own, and the llama host. Tolerances: golden/README.md, fp32 column.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import type { LayerStatistics } from '../../src-main/core/graph/block-stream.ts';
import { normSites } from '../../src-main/core/graph/block-graph.ts';
import type { StatisticsSite } from '../../src-main/core/graph/block-graph.ts';
import { residualShape } from '../../src-main/core/graph/embed-windows.ts';
import type { HeadStatistics } from '../../src-main/core/graph/head.ts';
import { centreRows } from '../../src-main/core/graph/fusion.ts';
import { fileResidual, memoryResidual } from '../../src-main/core/graph/residual.ts';
import { convert } from '../core/export/folders.ts';
import { caller, exact, handlers, someTokens, temporaryFolder } from '../llama-host/host.ts';
import {
  fixtureModels,
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  mean,
  otherLayouts,
  readFloat64,
  readJson,
  tinyModel,
  tinyModels,
} from '../support/golden-models.ts';
import { decoderOf, run } from '../support/graph-runs.ts';
import { fixtures, sampleFolder, sampleModel } from '../support/paths.ts';
import { referenceForward } from '../support/reference-decoder.ts';

/** All statistics of a pass. */
async function statisticsOf(
  decoder: Decoder,
  windows: Int32Array[],
  grams: readonly StatisticsSite[],
): Promise<{ layers: LayerStatistics[]; head: HeadStatistics }> {
  const layers: LayerStatistics[] = [];
  const heads: HeadStatistics[] = [];
  const onLayer = (found: LayerStatistics): void => void layers.push(found);
  const onHead = (found: HeadStatistics): void => void heads.push(found);
  await run(decoder, windows, { nll: false, statistics: { grams, onLayer, onHead } });
  return { layers, head: heads[0]! };
}

/** |found - expected| as a share of `scale`; a unit that is never active has zeros on both sides. */
const share = (found: number, expected: number, scale: number): number =>
  found === expected ? 0 : Math.abs(found - expected) / scale;

/** Largest difference relative to sqrt(C_ii·C_jj), the scale of a Gram's element. */
function gramError(found: Float64Array, expected: Float64Array): number {
  const size = Math.sqrt(expected.length);
  const scale = (index: number): number =>
    Math.sqrt(expected[Math.floor(index / size) * (size + 1)]! * expected[(index % size) * (size + 1)]!);
  return expected.reduce((worst, value, index) => Math.max(worst, share(found[index]!, value, scale(index))), 0);
}

const relative = (found: Float64Array, expected: Float64Array): number =>
  expected.reduce((worst, value, index) => Math.max(worst, share(found[index]!, value, value)), 0);

describe('a residual on disk', () => {
  const windows = [someTokens(512, 1), someTokens(512, 2), someTokens(512, 3)];

  test('gives what one in memory gives, from the first layer and from a later one', async () => {
    const decoder = await decoderOf(sampleModel);
    const folder = temporaryFolder();
    const paths = [path.join(folder, 'even'), path.join(folder, 'odd')] as const;
    const shape = residualShape(decoder, windows);
    const inMemory = await run(decoder, windows);
    const first = await fileResidual(shape, { paths, current: 0 });
    const { nll } = await run(decoder, windows, { residual: first });
    expect(nll).toEqual(inMemory.nll);
    await first.close();

    // Killed in the middle of layer 2: what layer 1 left is whole, what came after is lost.
    const stopped = await fileResidual(shape, { paths, current: 0 });
    const stop = new AbortController();
    let layers = 0;
    const onLayer = (): void => void (layers += 1);
    const killed = run(decoder, windows, {
      residual: stopped,
      signal: stop.signal,
      progress: () => {
        if (layers === 2) stop.abort();
      },
      statistics: { grams: [], onLayer, onHead: () => {} },
    });
    await expect(killed).rejects.toThrow('aborted');
    const resumed = await fileResidual(shape, { paths, current: stopped.current });
    await stopped.close();
    expect((await run(decoder, windows, { residual: resumed, firstLayer: 2 })).nll).toEqual(inMemory.nll);
    await resumed.close();
  });
});

/** One per form of block: the oracle is slow. */
const withGrams = tinyModels.filter((name) =>
  ['llama-gqa', 'qwen2', 'qwen3', ...otherLayouts, ...fixtureModels].includes(name),
);

describe('tiny models', () => {
  test.each(tinyModels)('%s: logits and NLL', async (name) => {
    const folder = tinyModel(name);
    const windows = goldenTokens(name);
    const positions = goldenPositions(windows[0]!.length);
    const { nll, rows } = await run(await decoderOf(folder), windows, { positions, rowKind: 'logits' });
    expect(furthest(rows, readFloat64(path.join(folder, 'dense.safetensors'), 'logits'))).toBeLessThan(1e-3);
    const expected = readJson<{ nll_f64: number }>(path.join(folder, 'dense.json')).nll_f64;
    expect(Math.abs(mean(nll) - expected)).toBeLessThan(1e-5);
  });

  test.each(otherLayouts)('%s: the residual behind every layer', async (name) => {
    const windows = goldenTokens(name).slice(0, 1);
    const decoder = await decoderOf(tinyModel(name));
    const { hiddenSize, numHiddenLayers } = decoder.config;
    const shape = residualShape(decoder, windows);
    const residual = memoryResidual(shape);
    const found: number[] = [];
    const onLayer = async (): Promise<void> => void found.push(...(await residual.read(shape.windowLength - 4, 4)));
    await run(decoder, windows, { residual, nll: false, statistics: { grams: [], onLayer, onHead: () => {} } });
    const expected = readFloat64(path.join(tinyModel(name), 'dense.safetensors'), 'hidden');
    // LayerNorm takes the mean out of its input, so a fused model has none in the first place.
    if (decoder.architecture.norm.kind === 'layernorm') centreRows(expected, hiddenSize);
    expect(found).toHaveLength(numHiddenLayers * 4 * hiddenSize);
    expect(furthest(found, expected)).toBeLessThan(1e-4);
  });

  test.each(withGrams)('%s: Grams and squares against float64 loops', async (name) => {
    const windows = goldenTokens(name);
    const decoder = await decoderOf(tinyModel(name));
    const expected = await referenceForward(decoder, windows);
    const found = await statisticsOf(decoder, windows, [...normSites, 'mlpOutputInput']);
    expect(found.layers.map(({ layer }) => layer)).toEqual([...decoder.layers.keys()]);
    for (const [layer, { attentionGram, mlpGram, downGram, squares }] of expected.layers.entries()) {
      const own = found.layers[layer]!;
      expect(own.rows).toBe(windows.length * windows[0]!.length);
      expect(gramError(own.grams.get('attentionInput')!, attentionGram)).toBeLessThan(1e-5);
      expect(own.grams.has('mlpInput')).toBe(mlpGram !== null);
      if (mlpGram) expect(gramError(own.grams.get('mlpInput')!, mlpGram)).toBeLessThan(1e-5);
      expect(gramError(own.grams.get('mlpOutputInput')!, downGram)).toBeLessThan(1e-5);
      expect(own.grams.has('attentionOutputInput')).toBe(false);
      for (const role of ['q', 'o', 'up', 'down'] as const) {
        expect(relative(own.squares.get(role)!, squares[role])).toBeLessThan(1e-4);
      }
      expect(own.squares.get('v')).toBe(own.squares.get('q'));
      expect(own.squares.get('gate')).toBe(decoder.layers[layer]!.has('gate') ? own.squares.get('up') : undefined);
    }
    expect(gramError(found.head.gram!, expected.headGram)).toBeLessThan(1e-5);
    expect(relative(found.head.squares, expected.headSquares)).toBeLessThan(1e-4);
  });
});

describe.skipIf(!goldenModels)('GGUF files', () => {
  test.each([
    ['llama-gqa-f32', 'llama-gqa'],
    ['llama-gqa-q8_0', 'llama-gqa'],
    ['llama3-rope-f32', 'llama3-rope'],
  ])('%s.gguf: permuted rows, rope_freqs and block types', async (name, tokens) => {
    const windows = goldenTokens(tokens);
    const positions = goldenPositions(windows[0]!.length);
    const decoder = await decoderOf(path.join(fixtures, `gguf/${name}.gguf`));
    expect(decoder.ropeDivisors === null).toBe(tokens !== 'llama3-rope');
    const { nll, rows } = await run(decoder, windows, { positions, rowKind: 'logits' });
    const stored = readFloat64(path.join(fixtures, 'gguf/logits.safetensors'), `${name}.logits`);
    expect(furthest(rows, stored)).toBeLessThan(1e-3);
    const reference = readJson<Record<string, { nll: number }>>(path.join(fixtures, 'gguf/reference.json'));
    expect(Math.abs(mean(nll) - reference[`${name}.gguf`]!.nll)).toBeLessThan(1e-5);
  });
});

/** Ids of a window within a vocabulary. */
const tokensBelow = (vocabSize: number, seed: number): Int32Array => someTokens(256, seed).map((id) => id % vocabSize);

describe('column mean squares are those of the llama host', () => {
  test.each<readonly [string, string | null, number]>([
    // F16 weights: llama.cpp rounds activations to F16 too.
    ['sample-7m.F16.gguf', sampleModel, 1e-3],
    ['llama-gqa-f32.gguf', path.join(fixtures, 'gguf/llama-gqa-f32.gguf'), 3e-5],
    ['llama3-rope-f32.gguf', path.join(fixtures, 'gguf/llama3-rope-f32.gguf'), 3e-5],
    // Norms with biases, joined tensors. llama.cpp looks GELU up in a table of F16 values.
    ...(goldenModels ? [['phi', null, 2e-3] as const, ['phi3', null, 3e-5] as const] : []),
  ])('%s', async (label, given, tolerance) => {
    const file = given ?? (await convert(tinyModel(label))).output;
    const decoder = await decoderOf(file);
    const windows = [1, 2, 3].map((seed) => tokensBelow(decoder.config.vocabSize, seed));
    const output = path.join(temporaryFolder(), 'statistics.bin');
    const host = await handlers.statistics({ model: file, windows, output, settings: exact }, caller());
    const values = new Float32Array(new Uint8Array(readFileSync(output)).buffer);
    const { layers, head } = await statisticsOf(decoder, windows, []);
    const own = new Map(
      layers.flatMap(({ layer, rows, squares, grams }) => {
        expect(grams.size).toBe(0);
        return Array.from(squares, ([role, sums]) => [decoder.layers[layer]!.get(role)!.name, { sums, rows }] as const);
      }),
    );
    own.set(decoder.lmHead.name, { sums: head.squares, rows: head.rows });
    expect([...own.keys()].toSorted()).toEqual(host.entries.map(({ name }) => name).toSorted());
    for (const { name, columns, offset } of host.entries) {
      const { sums, rows } = own.get(name)!;
      const count = values[offset + columns]!;
      const expected = Float64Array.from(values.subarray(offset, offset + columns), (sum) => sum / count);
      const found = sums.map((sum) => sum / rows);
      expect(relative(found, expected), name).toBeLessThan(tolerance);
    }
  });
});

describe('the sample model', () => {
  const windows = [1, 2, 3].map((seed) => someTokens(256, seed));

  test('log-probabilities are those of the llama host, from either form', async () => {
    const tokens = windows[0]!;
    const positions = [0, 17, 128, 255];
    const host = await handlers.logProbs(
      { model: sampleModel, tokens, positions, settings: exact },
      { ...caller(), progress: () => {} },
    );
    const wanted = positions.map((position) => ({ window: 0, position }));
    for (const file of [sampleModel, sampleFolder]) {
      const { rows, nll } = await run(await decoderOf(file), [tokens], { nll: false, positions: wanted });
      expect(nll).toHaveLength(0);
      // F16 weights: llama.cpp rounds activations to F16 too.
      const likely = Array.from(host.logProbs.keys()).filter((index) => host.logProbs[index]! > Math.log(0.01));
      expect(likely.length).toBeGreaterThan(10);
      expect(Math.max(...likely.map((index) => Math.abs(rows[index]! - host.logProbs[index]!)))).toBeLessThan(0.02);
    }
  });

  test('windows are independent of each other and of how many share a run', async () => {
    const decoder = await decoderOf(sampleModel);
    const many = Array.from({ length: 6 }, (_, index) => someTokens(200, index % 2));
    const { nll } = await run(decoder, many);
    const alone = await run(decoder, [many[1]!]);
    expect(nll).toHaveLength(6 * 199);
    expect(furthest(nll.subarray(199, 398), alone.nll)).toBeLessThan(1e-5);
    expect(furthest(nll.subarray(5 * 199), alone.nll)).toBeLessThan(1e-5);
  });

  test('progress counts tokens; a cancel stops between runs', async () => {
    const decoder = await decoderOf(sampleModel);
    const told: number[] = [];
    await run(decoder, [windows[0]!], { nll: false, progress: ({ done, total }) => void told.push(done / total) });
    expect(told).toHaveLength(6);
    expect(told.at(-1)).toBe(1);
    const controller = new AbortController();
    const late = run(decoder, windows, { signal: controller.signal, progress: () => controller.abort() });
    await expect(late).rejects.toThrow(/abort/i);
  });

  test('bad windows are refused', async () => {
    const decoder = await decoderOf(sampleModel);
    await expect(run(decoder, [someTokens(8), someTokens(9)])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(run(decoder, [Int32Array.of(1, 4096)])).rejects.toThrow(/4096 is not in the vocabulary/);
    await expect(run(decoder, [])).rejects.toThrow(/at least one token/);
  });
});
