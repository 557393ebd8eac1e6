// A sliced model on disk: round trips bit for bit, other sources and types, cuts of a cut, faults of folders, and statistics
// of its forward pass against plain loops and the dense model.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SlicingConfig } from '../../../../src-main/contract/results.ts';
import { openDecoder } from '../../../../src-main/core/architectures/decoder.ts';
import type { WeightType } from '../../../../src-main/core/formats/weight-types.ts';
import { residualShape } from '../../../../src-main/core/graph/embed-windows.ts';
import { readFloats } from '../../../../src-main/core/graph/float-values.ts';
import { fileResidual, memoryResidual } from '../../../../src-main/core/graph/residual.ts';
import type { HeadStatistics } from '../../../../src-main/core/graph/head.ts';
import type { LayerStatistics } from '../../../../src-main/core/graph/block-stream.ts';
import {
  countSlicedParameters,
  parameterShapeOf,
} from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import { narrowSliced } from '../../../../src-main/core/slicing/per-block/narrow-sliced.ts';
import { siteLayout, slicingConfigOf } from '../../../../src-main/core/slicing/per-block/site-widths.ts';
import { saveSliced } from '../../../../src-main/core/slicing/per-block/save-sliced.ts';
import type { SlicedDecoder } from '../../../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { openSlicedFolder } from '../../../../src-main/core/slicing/per-block/sliced-folder.ts';
import { slicedForward, slicedHiddenStates } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import { temporaryFolder } from '../../../llama-host/host.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  mean,
  readJson,
} from '../../../support/golden-models.ts';
import { writtenTensors } from '../../../support/float64-sliced.ts';
import { decoderOf, run } from '../../../support/graph-runs.ts';
import { fixtures } from '../../../support/paths.ts';
import { constantConfig, plainPca, reopened, slicedInto } from '../../../support/per-block.ts';
import { golden, ports } from '../../../support/slicing.ts';

const folder = temporaryFolder();
let made = 0;
const newPath = (): string => path.join(folder, String((made += 1)));
const weights = (at: string): Buffer => readFileSync(path.join(at, 'model.safetensors'));

/** Every tensor by its name. */
async function tensorsOf({ model }: SlicedDecoder): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const entry of model.tensors) found.set(entry.name, await readFloats(model, entry, ports.dequantize));
  return found;
}

describe.skipIf(!goldenModels)('a folder of a sliced model', () => {
  const windows = goldenModels ? goldenTokens('llama-gqa') : [];
  const positions = goldenPositions(windows[0]?.length ?? 0);

  test('has what was written, bit for bit, and is written again with the same bytes', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const at = newPath();
    const written = new Map<string, Float32Array>();
    const widths = constantConfig(decoder, 48);
    const { sliced, result } = await slicedInto(at, { decoder, windows, widths, maxShardBytes: 200_000 });
    for (const [name, values] of await tensorsOf(sliced)) written.set(name, values);
    expect(existsSync(path.join(at, 'model-00002-of-00005.safetensors'))).toBe(true);

    const copy = newPath();
    const saved = await saveSliced({ ...ports, decoder: sliced, folder: copy, tokenizerFrom: null });
    expect(saved.fileBytes).toBeLessThan(result.fileBytes);
    const again = await reopened(copy);
    expect(await tensorsOf(again)).toEqual(written);
    expect({ ...again, model: null }).toMatchObject({ config: sliced.config, slicing: widths, widths: sliced.widths });
    const third = newPath();
    await saveSliced({ ...ports, decoder: again, folder: third, tokenizerFrom: null });
    for (const name of ['model.safetensors', 'config.json', 'slicing.json']) {
      expect(readFileSync(path.join(third, name)).equals(readFileSync(path.join(copy, name)))).toBe(true);
    }
    const measured = [sliced, again].map((model) => slicedForward({ ...ports, decoder: model, windows }));
    const [one, other] = await Promise.all(measured);
    expect(furthest(one!.nll, other!.nll)).toBe(0);
  });

  /** What a type keeps of a number. */
  const rounded: Record<WeightType, (value: number) => number> = {
    F32: Math.fround,
    F16: (value) => Math.f16round(Math.fround(value)),
    BF16: (value) => {
      const bits = new Uint32Array(Float32Array.of(value).buffer);
      bits[0] = ((bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) >>> 16) << 16;
      return new Float32Array(bits.buffer)[0]!;
    },
  };

  test.each([
    ['llama-gqa', 'F32'],
    ['llama-gqa', 'F16'],
    ['llama-gqa', 'BF16'],
    ['opt', 'F16'],
    ['phi3', 'BF16'],
  ] as const)(
    'of %s in %s has every tensor rounded once, and keeps it through a copy and a cut',
    async (name, type) => {
      const decoder = await decoderOf(golden(name));
      const own = goldenTokens(name);
      const widths = constantConfig(decoder, 48);
      const made = await writtenTensors({ decoder, windows: own, widths, findBasis: plainPca });
      const { sliced } = await slicedInto(newPath(), { decoder, windows: own, widths, type });
      const [copied, cut] = [newPath(), newPath()];
      await saveSliced({ ...ports, decoder: sliced, folder: copied, tokenizerFrom: null, maxShardBytes: 100_000 });
      await saveSliced({ ...ports, decoder: narrowSliced(sliced, widths), folder: cut, tokenizerFrom: null });
      for (const model of [sliced, await reopened(copied), await reopened(cut)]) {
        const found = await tensorsOf(model);
        expect([...found.keys()].toSorted()).toEqual([...made.keys()].toSorted());
        for (const { name: tensor, shape } of model.model.tensors) {
          const expected = made.get(tensor)!.map(rounded[shape.length === 1 ? 'F32' : type]);
          expect(found.get(tensor)).toEqual(Float32Array.from(expected));
        }
      }
    },
  );

  test('has the released code’s names and shapes', async () => {
    const decoder = await decoderOf(golden('qwen3'));
    const { sliced } = await slicedInto(newPath(), {
      ...{ decoder, windows: goldenTokens('qwen3'), widths: constantConfig(decoder, 40) },
    });
    const shapes = Object.fromEntries(sliced.model.tensors.map(({ name, shape }) => [name, shape.toReversed()]));
    expect(shapes).toMatchObject({
      'model.embed_tokens.weight': [256, 40],
      'model.layers.2.attn_shortcut_Q': [40, 40],
      'model.layers.2.mlp_shortcut_Q': [40, 64],
      'model.layers.2.self_attn.q_proj.weight': [128, 40],
      'model.layers.2.self_attn.q_norm.weight': [32],
      'model.layers.2.self_attn.o_proj.weight': [40, 128],
      'model.layers.2.mlp.down_proj.weight': [64, 160],
      'lm_head.weight': [256, 64],
    });
    expect(Object.keys(shapes).filter((name) => name.includes('layernorm') || name === 'model.norm.weight')).toEqual(
      [],
    );
  });

  test('of a GGUF source, rows of q and k in pairs there, is that of the folder', async () => {
    const source = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');
    const [fromGguf, fromFolder] = [await decoderOf(source), await decoderOf(golden('llama-gqa'))];
    const [one, other] = [newPath(), newPath()];
    const widths = constantConfig(fromFolder, 48);
    await slicedInto(one, { decoder: fromGguf, windows, widths });
    await slicedInto(other, { decoder: fromFolder, windows, widths });
    expect(weights(one).equals(weights(other))).toBe(true);
  });

  test.each([
    { type: 'F16', tolerance: 1e-2 },
    { type: 'BF16', tolerance: 8e-2 },
  ] as const)('in $type computes nearly the same', async ({ type, tolerance }) => {
    const decoder = await decoderOf(golden('qwen2'));
    const own = goldenTokens('qwen2');
    const widths = constantConfig(decoder, 48);
    const [exact, rounded] = [
      await slicedInto(newPath(), { decoder, windows: own, widths }),
      await slicedInto(newPath(), { decoder, windows: own, widths, type }),
    ];
    const types = new Set(rounded.sliced.model.tensors.map((entry) => `${entry.shape.length} ${entry.type}`));
    expect(types).toEqual(new Set([`2 ${type}`, '1 F32']));
    const wanted = { ...ports, windows: own, positions: goldenPositions(own[0]!.length), rowKind: 'logits' } as const;
    const one = await slicedForward({ ...wanted, decoder: exact.sliced });
    const other = await slicedForward({ ...wanted, decoder: rounded.sliced });
    const largest = one.rows.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(furthest(one.rows, other.rows)).toBeGreaterThan(0);
    expect(furthest(one.rows, other.rows) / largest).toBeLessThan(tolerance);
  });

  test('with the residual on disk has the same bytes', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const widths = constantConfig(decoder, 48);
    const [one, other, scratch] = [newPath(), newPath(), newPath()];
    await mkdir(scratch);
    const files = [path.join(scratch, 'a'), path.join(scratch, 'b')] as const;
    const residual = await fileResidual(residualShape(decoder, windows), { paths: files, current: 0 });
    await slicedInto(one, { decoder, windows, widths, residual, paperCompat: true });
    await residual.close();
    await slicedInto(other, { decoder, windows, widths, paperCompat: true });
    expect(weights(one).equals(weights(other))).toBe(true);
  });

  test.each(['opt', 'phi', 'phi3'])(
    'of %s, with tables, biases or joined matrices, is cut again and saved',
    async (name) => {
      const decoder = await decoderOf(golden(name));
      const own = goldenTokens(name);
      const { sliced: whole } = await slicedInto(newPath(), {
        ...{ decoder, windows: own, widths: constantConfig(decoder, 64) },
      });
      const narrow = narrowSliced(whole, constantConfig(decoder, 40));
      const saved = newPath();
      await saveSliced({ ...ports, decoder: narrow, folder: saved, tokenizerFrom: null });
      const again = await reopened(saved);
      expect(await tensorsOf(again)).toEqual(await tensorsOf(narrow));
      expect(again.model.parameters).toBe(
        countSlicedParameters(parameterShapeOf(decoder), constantConfig(decoder, 40)),
      );
      const nll = async (model: SlicedDecoder): Promise<Float32Array> =>
        (await slicedForward({ ...ports, decoder: model, windows: own })).nll;
      expect(await nll(again)).toEqual(await nll(narrow));
      expect(mean(await nll(again))).toBeGreaterThan(mean(await nll(whole)));
    },
  );

  test('cut to d and then to d′ is cut to d′ at once', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { sliced: whole } = await slicedInto(newPath(), { decoder, windows, widths: constantConfig(decoder, 64) });
    const to = (width: number): SlicingConfig => constantConfig(decoder, width);
    const twice = narrowSliced(narrowSliced(whole, to(56)), to(48));
    const once = narrowSliced(whole, to(48));
    expect(await tensorsOf(twice)).toEqual(await tensorsOf(once));
    expect(once.model.parameters).toBe(208_128);
    const saved = newPath();
    await saveSliced({ ...ports, decoder: twice, folder: saved, tokenizerFrom: null });
    const again = await reopened(saved);
    expect(again.slicing).toEqual(to(48));
    const [kept, cut] = [await tensorsOf(whole), await tensorsOf(again)];
    const [q, wide] = [
      cut.get('model.layers.1.self_attn.q_proj.weight')!,
      kept.get('model.layers.1.self_attn.q_proj.weight')!,
    ];
    for (const row of [0, 17, 63]) {
      expect(q.subarray(row * 48, (row + 1) * 48)).toEqual(wide.subarray(row * 64, row * 64 + 48));
    }
    const nll = async (model: SlicedDecoder): Promise<number> =>
      mean((await slicedForward({ ...ports, decoder: model, windows })).nll);
    // Nothing was cut yet; then what the published method, which calibrates on the cut stream, makes a little better.
    expect(await nll(narrowSliced(whole, to(64)))).toBeCloseTo(await nll(whole), 6);
    expect(await nll(again)).toBeCloseTo(await nll(once), 6);
    expect(await nll(again)).toBeGreaterThan(await nll(whole));
    expect(() => narrowSliced(once, to(56))).toThrow('can only become narrower');
  });

  test('any widths, and then any narrower ones, are the narrower ones at once', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const layout = siteLayout(decoder);
    const { sliced: whole } = await slicedInto(newPath(), {
      ...{ decoder, windows, widths: constantConfig(decoder, 64, true) },
    });
    const kept = await tensorsOf(whole);
    const site = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }));
    await fc.assert(
      fc.asyncProperty(fc.array(site, { minLength: 9, maxLength: 9 }), async (sites) => {
        const config = (pick: (pair: [number, number]) => number): SlicingConfig =>
          slicingConfigOf(layout, sites.map(pick), true);
        const [wide, narrow] = [config((pair) => Math.max(...pair)), config((pair) => Math.min(...pair))];
        const [once, twice] = [narrowSliced(whole, narrow), narrowSliced(narrowSliced(whole, wide), narrow)];
        const widths = sites.map((pair) => Math.min(...pair));
        expect(twice.widths).toEqual(widths);
        expect(twice.slicing).toEqual(narrow);
        expect(twice.model.parameters).toBe(countSlicedParameters(parameterShapeOf(decoder), narrow));
        const [first, second] = [await tensorsOf(once), await tensorsOf(twice)];
        expect(second).toEqual(first);
        // Leading rows and columns of what was there: of a shortcut both.
        const shortcut = second.get('model.layers.1.mlp_shortcut_Q')!;
        const [rows, columns] = [widths[3]!, widths[4]!];
        const wanted = Float32Array.from({ length: rows * columns }, (_, index) => {
          const [row, column] = [Math.floor(index / columns), index % columns];
          return kept.get('model.layers.1.mlp_shortcut_Q')![row * 64 + column]!;
        });
        expect(shortcut).toEqual(wanted);
      }),
      { numRuns: 25, seed: 9 },
    );
  });

  describe('that is damaged is refused', () => {
    const broken = async (change: (slicing: SlicingConfig) => unknown): Promise<string> => {
      const decoder = await decoderOf(golden('llama-gqa'));
      const at = newPath();
      await slicedInto(at, { decoder, windows, widths: constantConfig(decoder, 48) });
      const file = path.join(at, 'slicing.json');
      writeFileSync(file, JSON.stringify(change(readJson<SlicingConfig>(file))));
      return at;
    };

    test.each<[string, (slicing: SlicingConfig) => unknown]>([
      ['head_dimension: expected 64, found 48', (slicing) => ({ ...slicing, head_dimension: 48 })],
      ['hidden_size: expected 64, as ', (slicing) => ({ ...slicing, hidden_size: 128 })],
      ['layers_num: expected 4, found 5', (slicing) => ({ ...slicing, layers_num: 5 })],
      [
        "embedding_dimensions.0 (site embed): expected a whole number from 1 to the model's 64, found 0",
        (slicing) => ({ ...slicing, embedding_dimensions: { '0': 0 } }),
      ],
      [
        'attention_output_dimensions.1 (site layer1.attn_out): expected',
        (slicing) => ({ ...slicing, attention_output_dimensions: { '0': 48 } }),
      ],
      [
        'attention_input_dimensions.1: expected 48, found 40',
        ({ attention_input_dimensions: widths, ...slicing }) => ({
          ...slicing,
          attention_input_dimensions: { ...widths, '1': 40 },
        }),
      ],
      [
        'embed_tokens',
        (slicing) => ({
          ...slicing,
          ...{
            embedding_dimensions: { '0': 40 },
            attention_input_dimensions: { ...slicing.attention_input_dimensions, '0': 40 },
          },
        }),
      ],
      ['layers_num', ({ layers_num: _, ...slicing }) => slicing],
      ['mlp_output_dimensions', (slicing) => ({ ...slicing, mlp_output_dimensions: { '0': 'wide' } })],
    ])('for its %s', async (named, change) => {
      await expect(openSlicedFolder(await broken(change))).rejects.toMatchObject({
        code: 'FILE_MALFORMED',
        message: expect.stringContaining(named) as string,
      });
    });

    test('or for another size in its config.json, which is the one that is blamed', async () => {
      const at = await broken((slicing) => slicing);
      const file = path.join(at, 'config.json');
      writeFileSync(file, JSON.stringify({ ...readJson<object>(file), hidden_size: 128 }));
      await expect(openSlicedFolder(at)).rejects.toMatchObject({
        code: 'FILE_MALFORMED',
        message: `${file} is malformed: hidden_size: expected 64, as ${path.join(at, 'slicing.json')} and the output layer have it, found 128.`,
      });
    });

    test('or without slicing.json', async () => {
      await expect(openSlicedFolder(golden('llama-gqa'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    });
  });

  test('is no dense model, and says so', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { sliced } = await slicedInto(newPath(), { decoder, windows, widths: constantConfig(decoder, 48) });
    expect(() => openDecoder(sliced.model)).toThrow('sliced block by block');
  });

  test('is not there after a cancel, an abort in the middle or a fault of numbers', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const widths = constantConfig(decoder, 48);
    const at = newPath();
    const controller = new AbortController();
    const aborting = slicedInto(at, {
      ...{ decoder, windows, widths, signal: controller.signal },
      progress: ({ done, total }) => done > total / 2 && controller.abort(),
    });
    await expect(aborting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(at)).toBe(false);

    const residual = memoryResidual(residualShape(decoder, windows));
    const spoiling = slicedInto(at, {
      ...{ decoder, windows, widths, residual },
      findBasis: async (site, gram) => {
        if (site.name === 'layer1.attn_out') gram.fill(NaN);
        return plainPca(site, gram);
      },
    });
    await expect(spoiling).rejects.toMatchObject({
      code: 'NUMERICAL_FAILURE',
      message: expect.stringContaining('layer1.attn_out') as string,
    });
    expect(existsSync(at)).toBe(false);
  });

  test('its forward pass gives statistics', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { hiddenSize, normEps } = decoder.config;
    const { sliced } = await slicedInto(newPath(), { decoder, windows, widths: constantConfig(decoder, 48, true) });
    const layers: LayerStatistics[] = [];
    const heads: HeadStatistics[] = [];
    const statistics = {
      grams: ['attentionInput', 'headInput'] as const,
      onLayer: (found: LayerStatistics) => void layers.push(found),
      onHead: (found: HeadStatistics) => void heads.push(found),
    };
    await slicedForward({ ...ports, decoder: sliced, windows, statistics, nll: false });
    /** Gram of x / sqrt(Σx²/D + eps) over rows of 48. */
    const gramOf = (rows: ArrayLike<number>): Float64Array => {
      const gram = new Float64Array(48 * 48);
      for (let start = 0; start < rows.length; start += 48) {
        const row = Array.from({ length: 48 }, (_, column) => rows[start + column]!);
        const scale = 1 / (row.reduce((sum, value) => sum + value ** 2, 0) / hiddenSize + normEps);
        row.forEach((a, i) => row.forEach((b, j) => (gram[i * 48 + j]! += a * b * scale)));
      }
      return gram;
    };
    const table = await readFloats(sliced.model, sliced.embeddings, ports.dequantize);
    const embedded = windows.flatMap((window) =>
      Array.from(window).flatMap((token) => [...table.subarray(token * 48, (token + 1) * 48)]),
    );
    const first = gramOf(embedded);
    expect(furthest(layers[0]!.grams.get('attentionInput')!, first)).toBeLessThan(2e-3);
    expect(
      furthest(
        layers[0]!.squares.get('q')!,
        first.filter((_, index) => index % 49 === 0),
      ),
    ).toBeLessThan(2e-3);
    const last = await slicedHiddenStates({ ...ports, decoder: sliced, windows });
    const head = gramOf(await last.read(0, last.windows * last.windowLength));
    expect(furthest(heads[0]!.gram!, head)).toBeLessThan(2e-3);
    expect(
      furthest(
        heads[0]!.squares,
        head.filter((_, index) => index % 49 === 0),
      ),
    ).toBeLessThan(2e-3);

    // Inputs of o and down do not turn: at full width they are those of the dense model.
    const full = await slicedInto(newPath(), { decoder, windows, widths: constantConfig(decoder, 64) });
    const [rotated, dense] = [[] as LayerStatistics[], [] as LayerStatistics[]];
    const into = (list: LayerStatistics[]) => ({
      ...{ grams: [], onHead: () => {}, onLayer: (found: LayerStatistics) => void list.push(found) },
    });
    await slicedForward({ ...ports, decoder: full.sliced, windows, statistics: into(rotated), nll: false });
    await run(decoder, windows, { statistics: into(dense), nll: false, positions });
    for (const [layer, { squares, rows }] of dense.entries()) {
      expect(rotated[layer]!.rows).toBe(rows);
      for (const role of ['o', 'down'] as const) {
        const expected = squares.get(role)!;
        const worst = furthest(rotated[layer]!.squares.get(role)!, expected) / Math.max(...expected);
        expect(worst).toBeLessThan(1e-5);
      }
    }
  });
});
