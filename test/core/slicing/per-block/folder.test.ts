// A sliced model on disk: round trips bit for bit, other sources and types, and nothing of what was not finished.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDecoder } from '../../../../src-main/core/architectures/decoder.ts';
import type { WeightType } from '../../../../src-main/core/formats/weight-types.ts';
import { residualShape } from '../../../../src-main/core/graph/embed-windows.ts';
import { fileResidual, memoryResidual } from '../../../../src-main/core/graph/residual.ts';
import { narrowSliced } from '../../../../src-main/core/slicing/per-block/narrow-sliced.ts';
import { saveSliced } from '../../../../src-main/core/slicing/per-block/save-sliced.ts';
import { slicedForward } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import { writtenTensors } from '../../../support/float64-sliced.ts';
import { furthest, goldenModels, goldenPositions, goldenTokens } from '../../../support/golden-models.ts';
import { decoderOf } from '../../../support/graph-runs.ts';
import { fixtures } from '../../../support/paths.ts';
import { constantConfig, plainPca, reopened, slicedInto } from '../../../support/per-block.ts';
import { newPath, tensorsOf } from '../../../support/sliced-folders.ts';
import { golden, ports } from '../../../support/slicing.ts';

const weights = (at: string): Buffer => readFileSync(path.join(at, 'model.safetensors'));

describe.skipIf(!goldenModels)('a folder of a sliced model', () => {
  const windows = goldenModels ? goldenTokens('llama-gqa') : [];

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
});
