// Sessions of onnxruntime, which keep the memory of their largest run: while a model is sliced there is one per kind of step,
// whatever its widths; of a sliced model with a width of its own at every site none serves twice and none stays.
import path from 'node:path';
import { expect, test } from 'vitest';
import type { GraphRuntime } from '../../../../src-main/core/graph/block-runner.ts';
import { siteLayout, slicingConfigOf } from '../../../../src-main/core/slicing/per-block/site-widths.ts';
import { slicedForward } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import { temporaryFolder } from '../../../llama-host/host.ts';
import { goldenTokens, tinyModel, tinyModels } from '../../../support/golden-models.ts';
import { decoderOf, run } from '../../../support/graph-runs.ts';
import { constantConfig, slicedInto } from '../../../support/per-block.ts';
import { ports } from '../../../support/slicing.ts';

const folder = temporaryFolder();

/** The runtime of `ports`, and how many sessions there were in all and at most at once. */
function countedRuntime(): { runtime: GraphRuntime; counts: { made: number; open: number; most: number } } {
  const counts = { made: 0, open: 0, most: 0 };
  const runtime: GraphRuntime = {
    ...ports.runtime,
    open: async (model) => {
      const runner = await ports.runtime.open(model);
      counts.made += 1;
      counts.open += 1;
      counts.most = Math.max(counts.most, counts.open);
      const dispose = (): Promise<void> => {
        counts.open -= 1;
        return runner.dispose();
      };
      return { ...runner, dispose };
    },
  };
  return { runtime, counts };
}

const [name] = tinyModels;

test.skipIf(!name)('one session per kind of step while slicing, one at a time behind it', async () => {
  const decoder = await decoderOf(tinyModel(name!));
  const windows = goldenTokens(name!);
  const layout = siteLayout(decoder);
  const sites = 2 * decoder.layers.length + 1;
  const { hiddenSize } = decoder.config;
  const differing = Array.from({ length: sites }, (_, site) =>
    site === sites - 1 ? hiddenSize : hiddenSize - 1 - site,
  );
  const forms = [
    { at: 'differing', widths: slicingConfigOf(layout, differing, false) },
    { at: 'constant', widths: constantConfig(decoder, hiddenSize / 2) },
  ];
  for (const { at, widths } of forms) {
    const cut = countedRuntime();
    const options = { decoder, windows, widths, runtime: cut.runtime };
    const { sliced } = await slicedInto(path.join(folder, at), options);
    expect(cut.counts).toEqual({ made: 2, most: 2, open: 0 });
    const ran = countedRuntime();
    const { nll } = await slicedForward({ ...ports, runtime: ran.runtime, decoder: sliced, windows });
    expect(nll.every(Number.isFinite)).toBe(true);
    expect(ran.counts).toMatchObject({ most: 1, open: 0 });
  }
  const dense = countedRuntime();
  await run(decoder, windows, { runtime: dense.runtime });
  // Blocks, then the head.
  expect(dense.counts).toEqual({ made: 2, most: 1, open: 0 });
});

test.skipIf(!name)('a run that fails leaves no session', async () => {
  const decoder = await decoderOf(tinyModel(name!));
  const { runtime, counts } = countedRuntime();
  const failing: GraphRuntime = {
    ...runtime,
    open: async (model) => {
      const runner = await runtime.open(model);
      return { ...runner, run: () => Promise.reject(new Error('no memory')) };
    },
  };
  const pass = run(decoder, goldenTokens(name!), { runtime: failing });
  await expect(pass).rejects.toThrow('no memory');
  expect(counts).toMatchObject({ made: 1, open: 0 });
});
