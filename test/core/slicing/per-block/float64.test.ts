// What slicing computes before it casts, run in float64 by plain loops: nothing but rounding separates a turned model from
// the dense one, and one basis for all sites from the shared rotation. Then the same with what an F16 folder keeps of it.
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../../../../src-main/core/architectures/decoder.ts';
import { slicedForward } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import type { FindBasis } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import { seededRandom } from '../../../../src-main/core/texts/seeded-random.ts';
import { temporaryFolder } from '../../../llama-host/host.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  readFloat64,
  readJson,
  tinyModel,
  tinyModels,
} from '../../../support/golden-models.ts';
import { denseFloat64, float64Logits, float64Nll, slicedFloat64 } from '../../../support/float64-model.ts';
import type { Float64Model } from '../../../support/float64-model.ts';
import { perBlockFloat64 } from '../../../support/float64-sliced.ts';
import { decoderOf, run } from '../../../support/graph-runs.ts';
import { constantConfig, given, plainPca, slicedInto } from '../../../support/per-block.ts';
import { calibrated, golden, ports } from '../../../support/slicing.ts';

const folder = temporaryFolder();

/** Another orthogonal matrix at every site, all of one seed. */
function anyBasis({ config: { hiddenSize: size } }: Decoder, seed: number): FindBasis {
  const random = seededRandom(seed);
  return async ({ name: what }) => {
    const matrix = Float64Array.from({ length: size * size }, () => random() - 0.5);
    return given((await ports.linearAlgebra.qr({ what, matrix, rows: size, columns: size }, ports.signal)).q, size);
  };
}

/** 16 tokens of two windows: the loops are slow. */
const shortWindows = (name: string): Int32Array[] =>
  goldenTokens(name)
    .slice(0, 2)
    .map((window) => window.subarray(0, 16));

const logitsOf = (model: Float64Model, windows: readonly Int32Array[]): number[] =>
  float64Logits(model, windows).flatMap((rows) => rows.flatMap((row) => Array.from(row)));

describe('at full width, in float64', () => {
  test.each(tinyModels)('%s keeps its logits to 1e-9, in PCA and in any basis', async (name) => {
    const decoder = await decoderOf(tinyModel(name));
    const windows = shortWindows(name);
    const widths = constantConfig(decoder, decoder.config.hiddenSize, true);
    const expected = logitsOf(await denseFloat64(decoder), windows);
    for (const findBasis of [plainPca, anyBasis(decoder, 5)]) {
      const sliced = await perBlockFloat64({ decoder, windows, widths, findBasis });
      expect(furthest(logitsOf(sliced, windows), expected)).toBeLessThan(1e-9);
    }
  });

  test.skipIf(!goldenModels).each(['llama-gqa', 'phi'])('%s: whatever the seed of the basis', async (name) => {
    const decoder = await decoderOf(golden(name));
    const windows = shortWindows(name).slice(0, 1);
    const widths = constantConfig(decoder, decoder.config.hiddenSize, true);
    const expected = logitsOf(await denseFloat64(decoder), windows);
    const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const sliced = await perBlockFloat64({ decoder, windows, widths, findBasis: anyBasis(decoder, seed) });
        expect(furthest(logitsOf(sliced, windows), expected)).toBeLessThan(1e-9);
      }),
      { numRuns: 5, seed: 3 },
    );
  });

  test.skipIf(!goldenModels)('a basis that is 1e-6 from orthogonal shows', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const windows = shortWindows('llama-gqa');
    const widths = constantConfig(decoder, decoder.config.hiddenSize, true);
    const findBasis: FindBasis = async (site, gram) => {
      const found = await plainPca(site, gram);
      if (site.index === 3) found.basis[0]! += 1e-6;
      return found;
    };
    const expected = logitsOf(await denseFloat64(decoder), windows);
    const sliced = await perBlockFloat64({ decoder, windows, widths, findBasis });
    expect(furthest(logitsOf(sliced, windows), expected)).toBeGreaterThan(1e-8);
  });
});

describe.skipIf(!goldenModels)('a quarter narrower, in float64', () => {
  // Bases come from signals that the graphs compute in float32, the reference's from float64: that is what is left.
  test.each(['llama-gqa', 'opt', 'phi', 'phi3'])('%s has the reference NLL to 1e-7, logits to 2e-6', async (name) => {
    const decoder = await decoderOf(golden(name));
    const windows = goldenTokens(name);
    const sliced = await perBlockFloat64({
      ...{ decoder, windows, widths: constantConfig(decoder, 48), findBasis: plainPca },
    });
    const logits = float64Logits(sliced, windows);
    const { nll_sliced } = readJson<{ nll_sliced: number }>(path.join(golden(name), 'correct.json'));
    expect(Math.abs(float64Nll(logits, windows) / nll_sliced - 1)).toBeLessThan(1e-7);
    const expected = readFloat64(path.join(golden(name), 'correct.safetensors'), 'sliced_logits');
    const rows = goldenPositions(windows[0]!.length).flatMap(({ window, position }) =>
      Array.from(logits[window]![position]!),
    );
    const largest = furthest(expected, new Float64Array(expected.length));
    expect(furthest(rows, expected) / largest).toBeLessThan(2e-6);
  });
});

describe.skipIf(!goldenModels)('one basis for all sites, in float64', () => {
  test.each(['llama-gqa', 'qwen2', 'qwen3', 'mistral'])('is the shared rotation of %s to 1e-9', async (name) => {
    const decoder = await decoderOf(golden(name));
    const windows = shortWindows(name);
    const { rotation } = await calibrated(decoder, windows, { width: 40 });
    const widths = constantConfig(decoder, 40, true);
    const findBasis: FindBasis = () => Promise.resolve(given(rotation.basis, decoder.config.hiddenSize));
    const perBlock = await perBlockFloat64({ decoder, windows, widths, findBasis });
    const shared = await slicedFloat64(decoder, rotation, ports.linearAlgebra);
    expect(furthest(logitsOf(perBlock, windows), logitsOf(shared, windows))).toBeLessThan(1e-9);
  });
});

test.each(tinyModels)('%s in F16 at full width is within 2e-2 of its largest logit', async (name) => {
  const decoder = await decoderOf(tinyModel(name));
  const windows = goldenTokens(name);
  const widths = constantConfig(decoder, decoder.config.hiddenSize);
  const { sliced } = await slicedInto(path.join(folder, name), { decoder, windows, widths, type: 'F16' });
  const wanted = { positions: goldenPositions(windows[0]!.length), rowKind: 'logits' } as const;
  const dense = (await run(decoder, windows, wanted)).rows;
  const { rows } = await slicedForward({ ...ports, decoder: sliced, windows, ...wanted });
  const largest = dense.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const change = furthest(rows, dense);
  expect(change).toBeGreaterThan(0);
  expect(change / largest).toBeLessThan(2e-2);
});
