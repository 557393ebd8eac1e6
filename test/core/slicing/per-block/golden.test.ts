// Per-block slicing as the product does it (float32 forward, float64 slicing, an F32 folder, read back) against
// golden/models/*: `correct.*` of ref.py, an independent float64 NumPy reference, and `official.*` of SliceGPT's released
// code, which paperCompat has to reproduce. Tolerances: golden/README.md, fp32 code.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SlicingConfig } from '../../../../src-main/contract/results.ts';
import {
  countSlicedParameters,
  parameterShapeOf,
} from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import type { SiteReport } from '../../../../src-main/core/slicing/per-block/step-stream.ts';
import type { SlicedDecoder } from '../../../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { slicedForward } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import { temporaryFolder } from '../../../llama-host/host.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  mean,
  readFloat64,
  readJson,
} from '../../../support/golden-models.ts';
import { decoderOf, run } from '../../../support/graph-runs.ts';
import { constantConfig, slicedInto } from '../../../support/per-block.ts';
import { golden, ports } from '../../../support/slicing.ts';

interface CorrectReference {
  sites: string[];
  damp: number[];
  energy_lost: number[];
  params_sliced: number;
  nll_sliced: number;
  params_sliced_head: number;
  nll_sliced_head: number;
}
interface OfficialReference {
  damp: number[];
  params_sliced: number;
  nll_sliced_f64: number;
  nll_fused_f64: number;
  slicing_config: SlicingConfig;
}

const folder = temporaryFolder();
const width = 48;
const names = ['llama-gqa', 'llama-tied', 'qwen2', 'qwen3', 'mistral', 'opt', 'phi', 'phi3'];
const stored = (name: string, kind: 'correct' | 'official', tensor: string): Float64Array =>
  readFloat64(path.join(golden(name), `${kind}.safetensors`), tensor);

function expectEigenvalues(name: string, kind: 'correct' | 'official', sites: readonly SiteReport[]): void {
  const [plain, damped] = [stored(name, kind, 'eig'), stored(name, kind, 'eig_damped')];
  const size = sites[0]!.eigenvalues.length;
  expect(plain).toHaveLength(sites.length * size);
  for (const [index, { eigenvalues, damping }] of sites.entries()) {
    const own = (all: Float64Array): Float64Array => all.subarray(index * size, (index + 1) * size);
    const largest = own(plain)[0]!;
    expect(furthest(eigenvalues, own(damped)) / largest).toBeLessThan(1e-5);
    const undamped = eigenvalues.map((value) => value - damping);
    expect(furthest(undamped, own(plain)) / largest).toBeLessThan(1e-5);
  }
}

async function measured(sliced: SlicedDecoder, windows: Int32Array[]): Promise<{ rows: Float32Array; nll: number }> {
  const positions = goldenPositions(windows[0]!.length);
  const { rows, nll } = await slicedForward({ ...ports, decoder: sliced, windows, positions, rowKind: 'logits' });
  return { rows, nll: mean(nll) };
}

describe.skipIf(!goldenModels).each(names)('golden per-block slice of %s', (name) => {
  const windows = goldenModels ? goldenTokens(name) : [];
  const reference = goldenModels
    ? readJson<CorrectReference>(path.join(golden(name), 'correct.json'))
    : ({} as CorrectReference);

  test('is that of the correct method', async () => {
    const decoder = await decoderOf(golden(name));
    const widths = constantConfig(decoder, width);
    const { result, sliced } = await slicedInto(path.join(folder, name), { decoder, windows, widths });
    expect(result.sites.map((site) => site.name)).toEqual(reference.sites);
    expectEigenvalues(name, 'correct', result.sites);
    for (const [index, site] of result.sites.entries()) {
      expect(site.orthogonality).toBeLessThan(1e-12);
      const last = index === result.sites.length - 1;
      if (!last) expect(Math.abs(site.energyLost - reference.energy_lost[index]!)).toBeLessThan(1e-7);
    }
    expect(sliced.model.parameters).toBe(reference.params_sliced);
    expect(countSlicedParameters(parameterShapeOf(decoder), widths)).toBe(reference.params_sliced);
    const { rows, nll } = await measured(sliced, windows);
    expect(furthest(rows, stored(name, 'correct', 'sliced_logits'))).toBeLessThan(2e-3);
    expect(Math.abs(nll - reference.nll_sliced)).toBeLessThan(1e-4);
  });

  test('with its head', async () => {
    const decoder = await decoderOf(golden(name));
    const widths = constantConfig(decoder, width, true);
    const { sliced } = await slicedInto(path.join(folder, `${name}-head`), { decoder, windows, widths });
    expect(sliced.model.parameters).toBe(reference.params_sliced_head);
    expect(countSlicedParameters(parameterShapeOf(decoder), widths)).toBe(reference.params_sliced_head);
    const { rows, nll } = await measured(sliced, windows);
    expect(Math.abs(nll - reference.nll_sliced_head)).toBeLessThan(1e-4);
    // Of the other models the reference has no logits.
    if (['llama-gqa', 'opt', 'phi', 'phi3'].includes(name)) {
      expect(furthest(rows, stored(name, 'correct', 'sliced_head_logits'))).toBeLessThan(2e-3);
    }
  });

  test('at full width computes what the dense model does', async () => {
    const decoder = await decoderOf(golden(name));
    const { hiddenSize } = decoder.config;
    const widths = constantConfig(decoder, hiddenSize);
    const { sliced } = await slicedInto(path.join(folder, `${name}-full`), { decoder, windows, widths });
    const dense = await run(decoder, windows, { positions: goldenPositions(windows[0]!.length), rowKind: 'logits' });
    const { rows, nll } = await measured(sliced, windows);
    expect(furthest(rows, dense.rows)).toBeLessThan(1e-3);
    expect(Math.abs(nll - mean(dense.nll))).toBeLessThan(1e-5);
  });
});

describe.skipIf(!goldenModels).each(['llama-gqa', 'llama-tied', 'opt', 'phi', 'phi3'])(
  'paperCompat slice of %s',
  (name) => {
    test('is that of the released code', async () => {
      const windows = goldenTokens(name);
      const reference = readJson<OfficialReference>(path.join(golden(name), 'official.json'));
      const decoder = await decoderOf(golden(name));
      const widths = constantConfig(decoder, width);
      expect(widths).toEqual(reference.slicing_config);
      const { result, sliced } = await slicedInto(path.join(folder, `${name}-paper`), {
        ...{ decoder, windows, widths },
        paperCompat: true,
      });
      expectEigenvalues(name, 'official', result.sites);
      expect(existsSync(path.join(folder, `${name}-paper`, 'slicing.json'))).toBe(true);
      expect(sliced.model.parameters).toBe(reference.params_sliced);
      const { rows, nll } = await measured(sliced, windows);
      expect(furthest(rows, stored(name, 'official', 'sliced_logits'))).toBeLessThan(2e-3);
      expect(Math.abs(nll - reference.nll_sliced_f64)).toBeLessThan(1e-4);
    });

    test('at full width is its model with fused norms', async () => {
      const windows = goldenTokens(name);
      const decoder = await decoderOf(golden(name));
      const widths = constantConfig(decoder, decoder.config.hiddenSize);
      const { sliced } = await slicedInto(path.join(folder, `${name}-fused`), {
        ...{ decoder, windows, widths },
        paperCompat: true,
      });
      const { rows, nll } = await measured(sliced, windows);
      expect(furthest(rows, stored(name, 'official', 'fused_logits'))).toBeLessThan(2e-3);
      const { nll_fused_f64 } = readJson<OfficialReference>(path.join(golden(name), 'official.json'));
      expect(Math.abs(nll - nll_fused_f64)).toBeLessThan(1e-4);
    });
  },
);
