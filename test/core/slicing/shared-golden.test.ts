// Shared-rotation slicing against golden/models/*/shared.* (ref.py, an independent float64 NumPy reference; see
// golden/README.md), once in float64 from end to end, once as the product does it: float32 forward, float64 slicing,
// an F32 file, read back. Tolerances: golden/README.md.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { forward } from '../../../src-main/core/graph/forward.ts';
import { checkInvariance } from '../../../src-main/core/slicing/invariance.ts';
import { sharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import type { SharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sliceShared } from '../../../src-main/core/slicing/slice-shared.ts';
import { exact, handlers, plainCaller, temporaryFolder } from '../../llama-host/host.ts';
import { denseFloat64, float64Logits, float64Nll, slicedFloat64 } from '../../support/float64-model.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  mean,
  readFloat64,
  readJson,
} from '../../support/golden-models.ts';
import { referenceForward } from '../../support/reference-decoder.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { calibrated, float32, golden, ports } from '../../support/slicing.ts';

interface SharedReference {
  width: number;
  sites: number;
  trace: number;
  nll_shared: number;
  params_shared_head_untied: number;
  energy_lost: number;
}

const folder = temporaryFolder();
const stored = (name: string, tensor: string): Float64Array =>
  readFloat64(path.join(golden(name), 'shared.safetensors'), tensor);
const told = (name: string): SharedReference => readJson<SharedReference>(path.join(golden(name), 'shared.json'));

function expectEigenvalues(name: string, { eigenvalues, energyLost }: SharedRotation, tolerance: number): void {
  const expected = stored(name, 'eig');
  const worst = furthest(eigenvalues, expected) / expected[0]!;
  expect(worst).toBeLessThan(tolerance);
  expect(energyLost).toBeCloseTo(told(name).energy_lost, 6);
}

describe.skipIf(!goldenModels).each(['llama-gqa', 'qwen2', 'qwen3'])('golden shared slice of %s', (name) => {
  const windows = goldenModels ? goldenTokens(name) : [];
  const positions = goldenPositions(windows[0]?.length ?? 0);

  test('in float64', async () => {
    const decoder = await decoderOf(golden(name));
    const { hiddenSize: size } = decoder.config;
    const reference = await referenceForward(decoder, windows);
    const grams = [...reference.layers.flatMap((layer) => [layer.attentionGram, layer.mlpGram!]), reference.headGram];
    const gram = grams[0]!.map((_, index) => grams.reduce((sum, site) => sum + site[index]!, 0));
    const rotation = await sharedRotation({ ...ports, gram, size, width: told(name).width });
    expectEigenvalues(name, rotation, 1e-9);
    const sliced = await slicedFloat64(decoder, rotation, ports.linearAlgebra);
    const logits = float64Logits(sliced, windows);
    const rows = positions.flatMap(({ window, position }) => [...logits[window]![position]!]);
    const worst = furthest(rows, stored(name, 'logits'));
    const nllError = Math.abs(float64Nll(logits, windows) - told(name).nll_shared);
    expect(worst).toBeLessThan(1e-7);
    expect(nllError).toBeLessThan(1e-9);
    expect(sliced.parameters).toBe(told(name).params_shared_head_untied);

    const whole = await sharedRotation({ ...ports, gram, size, width: size });
    const rotated = float64Logits(await slicedFloat64(decoder, whole, ports.linearAlgebra), windows).flat();
    const dense = float64Logits(await denseFloat64(decoder), windows).flat();
    const change = Math.max(...dense.map((row, index) => furthest(rotated[index]!, row)));
    expect(change).toBeLessThan(1e-9);
  });

  test('as a file, through our reader and through llama.cpp', async () => {
    const decoder = await decoderOf(golden(name));
    const { statistics, rotation } = await calibrated(decoder, windows, { width: told(name).width });
    expect(statistics.sites).toBe(told(name).sites);
    expectEigenvalues(name, rotation, 1e-5);

    const output = path.join(folder, `${name}.gguf`);
    const result = await sliceShared({ ...ports, ...float32, decoder, rotation, output });
    const norms = (2 * decoder.config.numHiddenLayers + 1) * rotation.width;
    expect(result.parametersAfter - norms).toBe(told(name).params_shared_head_untied);
    const sliced = await decoderOf(output);
    expect(sliced.config).toMatchObject({
      ...decoder.config,
      hiddenSize: 48,
      tiedEmbeddings: false,
      ropeScaling: null,
    });
    const { rows, nll } = await forward({ ...ports, decoder: sliced, windows, positions, rowKind: 'logits' });
    const worst = furthest(rows, stored(name, 'logits'));
    const nllError = Math.abs(mean(nll) - told(name).nll_shared);
    expect(worst).toBeLessThan(2e-3);
    expect(nllError).toBeLessThan(1e-4);

    const ours = await forward({ ...ports, decoder: sliced, windows, positions: positions.slice(0, 8), nll: false });
    const host = await handlers.logProbs(
      {
        model: output,
        tokens: windows[0]!,
        positions: positions.slice(0, 8).map(({ position }) => position),
        settings: exact,
      },
      plainCaller,
    );
    const distance = furthest(host.logProbs, ours.rows);
    expect(distance).toBeLessThan(1e-3);
  });

  test('a rotation alone changes nothing', async () => {
    const decoder = await decoderOf(golden(name));
    const found = await checkInvariance({ ...ports, decoder, windows });
    expect(found.passed).toBe(true);
    expect(found.largestLogitChange).toBeLessThan(2e-3);
    expect(Math.abs(found.perplexityAfter / found.perplexityBefore - 1)).toBeLessThan(1e-4);
  });
});
