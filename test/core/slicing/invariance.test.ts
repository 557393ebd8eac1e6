// The check of a rotation finds what it is for: a tensor that was turned wrongly, a number that is none.
import { describe, expect, test } from 'vitest';
import type { GraphRuntime } from '../../../src-main/core/graph/block-runner.ts';
import type { Floats, LinearAlgebra, Product } from '../../../src-main/core/linear-algebra/linear-algebra.ts';
import { checkInvariance } from '../../../src-main/core/slicing/invariance.ts';
import path from 'node:path';
import { goldenModels, goldenTokens, otherLayouts, readJson } from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { golden, ports } from '../../support/slicing.ts';

/** Makes one sliced tensor `factor` times what it should be. */
function spoiling(tensor: string, factor: number): LinearAlgebra {
  return {
    ...ports.linearAlgebra,
    gemm: async <Array extends Floats>(product: Product<Array>, signal: AbortSignal): Promise<Array> => {
      const result = await ports.linearAlgebra.gemm(product, signal);
      if (product.what === tensor) result.forEach((value, index) => (result[index] = value * factor));
      return result;
    },
  };
}

describe.skipIf(!goldenModels)('invariance', () => {
  test.each([
    ['blk.1.attn_output.weight', 1.05],
    ['blk.0.ffn_up.weight', 0.95],
    ['token_embd.weight', 1.05],
    ['output.weight', -1],
  ])('%s times %d does not pass', async (tensor, factor) => {
    const [decoder, windows] = [await decoderOf(golden('llama-gqa')), goldenTokens('llama-gqa')];
    const found = await checkInvariance({ ...ports, decoder, windows, linearAlgebra: spoiling(tensor, factor) });
    expect(found.passed).toBe(false);
    expect(found.largestLogitChange).toBeGreaterThan(found.tolerance);
  });

  // The paper's first experiment: a rotated OPT is the same model.
  test.each(otherLayouts)('a rotation alone does not change %s', async (name) => {
    const [decoder, windows] = [await decoderOf(golden(name)), goldenTokens(name)];
    const found = await checkInvariance({ ...ports, decoder, windows });
    expect(found.passed).toBe(true);
    expect(found.largestLogitChange).toBeLessThan(1e-5 * found.largestLogit);
    expect(found.perplexityBefore).toBeCloseTo(
      Math.exp(readJson<{ nll_f64: number }>(path.join(golden(name), 'dense.json')).nll_f64),
      2,
    );
    expect(Math.abs(found.perplexityAfter / found.perplexityBefore - 1)).toBeLessThan(1e-5);
  });

  test.each([
    ['opt', 'o of layer 1', 1.05],
    ['opt', 'downBias of layer 2', -1],
    ['opt', 'model.decoder.embed_positions.weight', 1.05],
    ['phi', 'up of layer 0', 0.95],
    ['phi', 'oBias of layer 3', 0],
  ])('%s: %s times %d does not pass', async (name, what, factor) => {
    const [decoder, windows] = [await decoderOf(golden(name)), goldenTokens(name)];
    const found = await checkInvariance({ ...ports, decoder, windows, linearAlgebra: spoiling(what, factor) });
    expect(found.passed).toBe(false);
  });

  test('windows that predict nothing are refused', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    for (const windows of [[], [Int32Array.of(1)]]) {
      await expect(checkInvariance({ ...ports, decoder, windows })).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  test('NaN in a pass is an error that names the model', async () => {
    const [decoder, windows] = [await decoderOf(golden('llama-gqa')), goldenTokens('llama-gqa')];
    const runtime: GraphRuntime = {
      ...ports.runtime,
      open: async (model) => {
        const runner = await ports.runtime.open(model);
        return {
          ...runner,
          run: async (feeds, outputs) => {
            const found = await runner.run(feeds, outputs);
            for (const name of Object.keys(found)) if (name.endsWith('logits')) found[name]!.fill(NaN, 3, 4);
            return found;
          },
        };
      },
    };
    await expect(checkInvariance({ ...ports, decoder, windows, runtime })).rejects.toMatchObject({
      code: 'NON_FINITE',
      details: { path: decoder.model.path, value: 'NaN' },
    });
  });
});
