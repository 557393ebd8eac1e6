// Norms fused with the linears behind them change nothing: in float64, against the dense model of transformers and against
// the fusion of SliceGPT's released code (golden/models/*/dense.*, official.*). Tolerances: golden/README.md.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { architectures } from '../../../src-main/core/architectures/registry.ts';
import { fusedRoles, fuseLayer } from '../../../src-main/core/graph/fusion.ts';
import type { LayerWeights } from '../../../src-main/core/graph/fusion.ts';
import { denseFloat64, float64Logits, float64Nll, fusedFloat64 } from '../../support/float64-model.ts';
import type { Float64Model } from '../../support/float64-model.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  otherLayouts,
  readFloat64,
  readJson,
  tinyModel,
} from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';

/** [2, 8, V] where the references have logits, and the mean NLL. */
function results(model: Float64Model, name: string): { logits: number[]; nll: number } {
  const windows = goldenTokens(name);
  const rows = float64Logits(model, windows);
  const positions = goldenPositions(windows[0]!.length);
  return {
    logits: positions.flatMap(({ window, position }) => [...rows[window]![position]!]),
    nll: float64Nll(rows, windows),
  };
}

const stored = (name: string, file: string, tensor: string): Float64Array =>
  readFloat64(path.join(tinyModel(name), file), tensor);

describe.each(otherLayouts)('%s in float64', (name) => {
  test('is the model of transformers, fused or not', async () => {
    const decoder = await decoderOf(tinyModel(name));
    const isLayerNorm = decoder.architecture.norm.kind === 'layernorm';
    const expected = stored(name, 'dense.safetensors', 'logits');
    const { nll_f64: nll } = readJson<{ nll_f64: number }>(path.join(tinyModel(name), 'dense.json'));
    for (const model of [await denseFloat64(decoder), await fusedFloat64(decoder, isLayerNorm)]) {
      const found = results(model, name);
      expect(furthest(found.logits, expected)).toBeLessThan(1e-9);
      expect(Math.abs(found.nll - nll)).toBeLessThan(1e-10);
    }
  });
});

describe.skipIf(!goldenModels)('the fusion of the released code', () => {
  // It takes the mean out of the embeddings of RMSNorm models too, which changes those.
  test.each(['opt', 'phi', 'phi3', 'llama-gqa'])('of %s gives the same logits', async (name) => {
    const found = results(await fusedFloat64(await decoderOf(tinyModel(name)), true), name);
    expect(furthest(found.logits, stored(name, 'official.safetensors', 'fused_logits'))).toBeLessThan(1e-9);
  });
});

test('a bias of a norm makes biases of what reads it, and the mean goes out of what writes to the residual', () => {
  const weights: LayerWeights<Float64Array> = new Map(
    Object.entries({
      attentionNorm: [2, 3],
      attentionNormBias: [1, -1],
      q: [1, 2, 3, 4],
      k: [1, 0, 0, 1],
      v: [0, 0, 0, 0],
      o: [1, 2, 3, 6],
      up: [1, 1],
      upBias: [0.5],
      down: [4, 2],
      downBias: [1, 3],
    }).map(([role, values]) => [role as 'q', Float64Array.from(values)]),
  );
  const before = fusedRoles(architectures.phi, weights.keys());
  const norms = fuseLayer(architectures.phi, weights);
  expect(Object.fromEntries(weights)).toEqual({
    q: Float64Array.of(2, 6, 6, 12),
    qBias: Float64Array.of(-1, -1),
    k: Float64Array.of(2, 0, 0, 3),
    kBias: Float64Array.of(1, -1),
    v: new Float64Array(4),
    vBias: new Float64Array(2),
    o: Float64Array.of(-1, -2, 1, 2),
    up: Float64Array.of(2, 3),
    upBias: Float64Array.of(0.5),
    down: Float64Array.of(1, -1),
    downBias: Float64Array.of(-1, 1),
  });
  expect([...before].toSorted()).toEqual([...weights.keys()].toSorted());
  expect(norms.get('attentionNorm')).toEqual({ weight: Float64Array.of(2, 3), bias: Float64Array.of(1, -1) });
});
