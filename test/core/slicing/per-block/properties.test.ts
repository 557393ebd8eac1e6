// What per-block slicing promises whatever the model: rotations change nothing, orientations neither, no second attention
// pass is needed, and one basis for all sites is the shared rotation.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ropeTables } from '../../../../src-main/core/architectures/rope.ts';
import type { LayerRole } from '../../../../src-main/core/architectures/architecture.ts';
import type { GraphTensor } from '../../../../src-main/core/graph/block-runner.ts';
import { residualShape } from '../../../../src-main/core/graph/embed-windows.ts';
import { readFloats } from '../../../../src-main/core/graph/float-values.ts';
import { memoryResidual } from '../../../../src-main/core/graph/residual.ts';
import {
  parameterShapeOf,
  countSlicedParameters,
} from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import { pcaBasis } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import type { FindBasis } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import { slicedForward } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import { buildSlicedBlockGraph } from '../../../../src-main/core/slicing/per-block/sliced-graphs.ts';
import { siteSpectra } from '../../../../src-main/core/slicing/per-block/variance-widths.ts';
import { jsLinearAlgebra } from '../../../../src-main/core/linear-algebra/js-linear-algebra.ts';
import { seededRandom } from '../../../../src-main/core/texts/seeded-random.ts';
import { temporaryFolder } from '../../../llama-host/host.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  mean,
  readFloat64,
  readJson,
  tinyModel,
  tinyModels,
} from '../../../support/golden-models.ts';
import { decoderOf, run } from '../../../support/graph-runs.ts';
import { constantConfig, given, plainPca, slicedInto } from '../../../support/per-block.ts';
import { referenceForward } from '../../../support/reference-decoder.ts';
import { calibrated, golden, ports } from '../../../support/slicing.ts';

const folder = temporaryFolder();
let made = 0;
const newFolder = (): string => path.join(folder, String((made += 1)));

test.each(tinyModels)('%s computes the same in any orthogonal basis of each site', async (name) => {
  const decoder = await decoderOf(tinyModel(name));
  const own = goldenTokens(name);
  const { hiddenSize: size } = decoder.config;
  const random = seededRandom(11);
  const findBasis: FindBasis = async ({ name: what }) => {
    const matrix = Float64Array.from({ length: size * size }, () => random() - 0.5);
    return given((await ports.linearAlgebra.qr({ what, matrix, rows: size, columns: size }, ports.signal)).q, size);
  };
  const widths = constantConfig(decoder, size, true);
  const { sliced } = await slicedInto(newFolder(), { decoder, windows: own, widths, findBasis });
  const wanted = { positions: goldenPositions(own[0]!.length), rowKind: 'logits' } as const;
  const dense = await run(decoder, own, wanted);
  const rotated = await slicedForward({ ...ports, decoder: sliced, windows: own, ...wanted });
  expect(furthest(rotated.rows, dense.rows)).toBeLessThan(1e-3);
  expect(furthest(rotated.nll, dense.nll)).toBeLessThan(1e-4);
});

describe.skipIf(!goldenModels)('per-block slicing', () => {
  const windows = goldenModels ? goldenTokens('llama-gqa') : [];
  const positions = goldenPositions(windows[0]?.length ?? 0);
  const wanted = { positions, rowKind: 'logits' } as const;

  test.each(['llama-gqa', 'qwen2', 'qwen3'])('%s with one basis for all sites is the shared slice', async (name) => {
    const decoder = await decoderOf(golden(name));
    const own = goldenTokens(name);
    const width = 48;
    const { rotation } = await calibrated(decoder, own, { width });
    const widths = constantConfig(decoder, width, true);
    const findBasis: FindBasis = () => Promise.resolve(given(rotation.basis, decoder.config.hiddenSize));
    const { sliced } = await slicedInto(newFolder(), { decoder, windows: own, widths, findBasis });
    const told = readJson<{ nll_shared: number; params_shared_head_untied: number }>(
      path.join(golden(name), 'shared.json'),
    );
    const shortcuts = sliced.layers.flatMap((layer) => [layer.get('attentionShortcut')!, layer.get('mlpShortcut')!]);
    for (const entry of shortcuts) {
      const values = await readFloats(sliced.model, entry, ports.dequantize);
      const identity = values.map((_, index) => (index % (width + 1) === 0 ? 1 : 0));
      expect(furthest(values, identity)).toBeLessThan(1e-7);
    }
    expect(sliced.model.parameters - shortcuts.length * width ** 2).toBe(told.params_shared_head_untied);
    const { rows, nll } = await slicedForward({
      ...{ ...ports, decoder: sliced, windows: own, rowKind: 'logits' },
      positions: goldenPositions(own[0]!.length),
    });
    expect(furthest(rows, readFloat64(path.join(golden(name), 'shared.safetensors'), 'logits'))).toBeLessThan(2e-3);
    expect(Math.abs(mean(nll) - told.nll_shared)).toBeLessThan(1e-4);
  });

  test('the projected signal is what a second attention pass with the sliced output projection gives', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { architecture, config } = decoder;
    const [width, size] = [40, config.hiddenSize];
    const residual = memoryResidual(residualShape(decoder, windows));
    const rows = residual.windows * residual.windowLength;
    const seen: { x: Float32Array; basis: Float64Array; width: number }[] = [];
    const findBasis: FindBasis = async (site, gram) => {
      const found = await plainPca(site, gram);
      seen.push({ x: (await residual.read(0, rows)).slice(), basis: found.basis, width: site.width });
      return found;
    };
    const widths = constantConfig(decoder, width);
    const { sliced } = await slicedInto(newFolder(), { decoder, windows, widths, findBasis, residual });

    /** values·basisᵀ. */
    const along = (what: string, values: Float32Array, basis: Float64Array): Promise<Float64Array> =>
      ports.linearAlgebra.gemm(
        {
          ...{ what, rows, inner: size, columns: width, transposeB: true },
          ...{ a: Float64Array.from(values), b: basis },
        },
        ports.signal,
      );
    for (const [layer, tensors] of sliced.layers.entries()) {
      const [before, behind] = [seen[2 * layer]!, seen[2 * layer + 1]!];
      const roles = new Set(tensors.keys()) as Set<LayerRole>;
      const rope = ropeTables(config, residual.windowLength, null);
      const shape = { ...config, windowLength: residual.windowLength, rope, roles };
      const step = { input: width, output: width };
      const runner = await ports.runtime.open(buildSlicedBlockGraph(architecture, shape, [step, step], null).model);
      const feeds: Record<string, GraphTensor> = {
        x: { data: Float32Array.from(await along('X·Q', before.x, before.basis)), shape: [rows, width] },
      };
      for (const [role, entry] of tensors) {
        feeds[role] = {
          data: await readFloats(sliced.model, entry, ports.dequantize),
          shape: entry.shape.toReversed(),
        };
      }
      // The step behind attention passes its rows on.
      feeds['down'] = {
        data: new Float32Array(width * config.intermediateSize),
        shape: [width, config.intermediateSize],
      };
      const identity = Float32Array.from({ length: width ** 2 }, (_, index) => (index % (width + 1) === 0 ? 1 : 0));
      feeds['mlpShortcut'] = { data: identity, shape: [width, width] };
      const { y } = await runner.run(feeds, { y: null });
      await runner.dispose();
      const projected = await along('M·Qm', behind.x, behind.basis);
      const largest = projected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(furthest(y!, projected) / largest).toBeLessThan(1e-6);
    }
  });

  test('an orientation turns the weights and not the function, and has a seed', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const widths = constantConfig(decoder, 48);
    const turned = async (orientation: 'pca' | 'random' | 'hadamard', seed: number) => {
      const findBasis = pcaBasis({ ...ports, orientation, seed });
      const { result, sliced } = await slicedInto(newFolder(), { decoder, windows, widths, findBasis });
      for (const site of result.sites) expect(site.orthogonality).toBeLessThan(1e-12);
      return { ...(await slicedForward({ ...ports, decoder: sliced, windows, ...wanted })), sha256: result.sha256 };
    };
    const pca = await turned('pca', 0);
    for (const orientation of ['random', 'hadamard'] as const) {
      const [one, again, other] = [
        await turned(orientation, 1),
        await turned(orientation, 1),
        await turned(orientation, 2),
      ];
      expect(furthest(one.rows, pca.rows)).toBeLessThan(1e-3);
      expect(furthest(other.rows, pca.rows)).toBeLessThan(1e-3);
      expect(one.sha256).toBe(again.sha256);
      expect(new Set([one.sha256, other.sha256, pca.sha256]).size).toBe(3);
    }
  });

  test('normed signals are those of a norm: every token counts the same', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { hiddenSize } = decoder.config;
    const traces = { raw: [] as number[], normed: [] as number[] };
    for (const signals of ['raw', 'normed'] as const) {
      const findBasis: FindBasis = async (site, gram) => {
        traces[signals].push(gram.reduce((sum, value, index) => sum + (index % (hiddenSize + 1) === 0 ? value : 0), 0));
        return plainPca(site, gram);
      };
      await slicedInto(newFolder(), { decoder, windows, widths: constantConfig(decoder, 48), findBasis, signals });
    }
    const tokens = windows.reduce((sum, { length }) => sum + length, 0);
    // Of a row behind RMSN the squares sum to D, but for eps; the massive tokens of raw ones have most of their sum.
    for (const trace of traces.normed) expect(trace / (tokens * hiddenSize)).toBeCloseTo(1, 2);
    expect(traces.raw.every((trace) => trace / (tokens * hiddenSize) > 1.5)).toBe(true);
  });

  test('spectra of the dense model are those of its residuals', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { hiddenSize: size } = decoder.config;
    const residual = memoryResidual(residualShape(decoder, windows));
    const spectra = await siteSpectra({ ...ports, decoder, windows, residual });
    expect(spectra).toHaveLength(9);
    const embedded = readFloat64(path.join(golden('llama-gqa'), 'correct.safetensors'), 'eig').subarray(0, size);
    expect(furthest(spectra[0]!, embedded) / embedded[0]!).toBeLessThan(1e-5);
    const matrix = new Float64Array(size * size);
    for (const row of (await referenceForward(decoder, windows)).residual) {
      row.forEach((a, i) => row.forEach((b, j) => (matrix[i * size + j]! += a * b)));
    }
    const last = await jsLinearAlgebra().eigvalsh({ what: 'the last residual', matrix, size }, ports.signal);
    expect(furthest(spectra.at(-1)!, last) / last[0]!).toBeLessThan(1e-5);
  });

  test('explicit widths, another one at every site', async () => {
    const decoder = await decoderOf(golden('qwen2'));
    const own = goldenTokens('qwen2');
    const widths = constantConfig(decoder, 64);
    const sites = [40, 48, 56, 50, 33, 64, 47, 61, 64];
    widths.embedding_dimensions = { '0': sites[0]! };
    for (const layer of [0, 1, 2, 3]) {
      widths.attention_input_dimensions[layer] = sites[2 * layer]!;
      widths.attention_output_dimensions[layer] = sites[2 * layer + 1]!;
      widths.mlp_input_dimensions[layer] = sites[2 * layer + 1]!;
      widths.mlp_output_dimensions[layer] = sites[2 * layer + 2]!;
    }
    const { sliced, result } = await slicedInto(newFolder(), { decoder, windows: own, widths });
    expect(result.sites.map(({ width }) => width)).toEqual(sites);
    expect(sliced.widths).toEqual(sites);
    expect(sliced.slicing).toEqual(widths);
    expect(sliced.model.parameters).toBe(countSlicedParameters(parameterShapeOf(decoder), widths));
    const { nll } = await slicedForward({ ...ports, decoder: sliced, windows: own });
    // Between the dense model and one that is cut to the narrowest width everywhere.
    const dense = mean((await run(decoder, own)).nll);
    const narrow = await slicedInto(newFolder(), { decoder, windows: own, widths: constantConfig(decoder, 33) });
    const worst = mean((await slicedForward({ ...ports, decoder: narrow.sliced, windows: own })).nll);
    expect(mean(nll)).toBeGreaterThan(dense);
    expect(mean(nll)).toBeLessThan(worst);
  });
});
