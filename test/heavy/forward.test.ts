// Our graphs against llama.cpp on the same F16 file of the real 135M model: log-probabilities and perplexity.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from '../../src-main/worker/onnx/onnx-runtime.ts';
import { caller, exact, handlers, plainCaller } from '../llama-host/host.ts';
import { denseModel } from '../support/dense-model.ts';
import { furthest, mean } from '../support/golden-models.ts';
import { decoderOf, run } from '../support/graph-runs.ts';
import { resources } from '../support/paths.ts';

const file = denseModel();

describe.skipIf(file === null)('the 135M model', () => {
  it('has the log-probabilities that llama.cpp gives', async () => {
    const text = readFileSync(path.join(resources, 'texts/evaluation/stories.txt'));
    const request = { model: file!, texts: [new Uint8Array(text)], addSpecial: true, parseSpecial: false };
    const { ids } = await handlers.tokenize(request, plainCaller);
    const windows = [0, 1].map((index) => ids[0]!.slice(index * 512, (index + 1) * 512));
    const positions = Array.from({ length: 16 }, (_, index) => index * 32 + 31);
    const { rows, nll } = await run(await decoderOf(file!), windows, {
      runtime: onnxRuntime({ threads: 2 }),
      positions: positions.map((position) => ({ window: 0, position })),
    });
    const host = await handlers.logProbs(
      { model: file!, tokens: windows[0]!, positions, settings: exact },
      plainCaller,
    );
    // llama.cpp rounds activations to F16 where weights are F16: 0.02 where a token is likely.
    const likely = Array.from(rows.keys()).filter((i) => Math.max(rows[i]!, host.logProbs[i]!) > Math.log(0.01));
    expect(likely.length).toBeGreaterThan(50);
    const worst = furthest(
      likely.map((i) => rows[i]!),
      likely.map((i) => host.logProbs[i]!),
    );
    expect(worst).toBeLessThan(0.02);
    const compared = await handlers.compare({ reference: null, candidate: file!, windows, settings: exact }, caller());
    const expected = mean(compared.windows.flatMap(({ candidateNll }) => [...candidateNll]));
    expect(Math.abs(mean(nll) - expected)).toBeLessThan(1e-3);
  });
});
