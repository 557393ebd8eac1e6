// Our fixture models, as folder and as GGUF, sliced by one shared rotation: unchanged to llama.cpp at full width, and at
// a smaller one the same log-probabilities in llama.cpp as in our own forward of the file read back.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { convertFolder } from '../../../src-main/core/export/hf-to-gguf/convert-folder.ts';
import { collectSharedStatistics } from '../../../src-main/core/calibration/collect-statistics.ts';
import { sharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sliceShared } from '../../../src-main/core/slicing/slice-shared.ts';
import { exact, handlers, plainCaller, temporaryFolder } from '../../llama-host/host.ts';
import { fixtureModels, furthest, goldenTokens, readFloat64, tinyModel } from '../../support/golden-models.ts';
import { decoderOf, modelOf, run } from '../../support/graph-runs.ts';
import { float32, ports } from '../../support/slicing.ts';

const scratch = temporaryFolder();

async function asGguf(name: string): Promise<string> {
  const output = path.join(scratch, `${name}.gguf`);
  await convertFolder({ ...ports, source: await modelOf(tinyModel(name)), output });
  return output;
}

/** [8, V] at the last positions of the first window, as llama.cpp finds them. */
async function hostLogProbs(model: string, tokens: Int32Array): Promise<Float32Array> {
  const positions = Array.from({ length: 8 }, (_, index) => tokens.length - 8 + index);
  return (await handlers.logProbs({ model, tokens, positions, settings: exact }, plainCaller)).logProbs;
}

/** [8, V] of the reference logits of transformers, whose first half is of the first window. */
function referenceLogProbs(name: string, vocabSize: number): Float64Array {
  const logits = readFloat64(path.join(tinyModel(name), 'dense.safetensors'), 'logits').subarray(0, 8 * vocabSize);
  return logits.map((logit, index) => {
    const row = logits.subarray(Math.floor(index / vocabSize) * vocabSize).subarray(0, vocabSize);
    return logit - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  });
}

describe.each(fixtureModels)('%s', (name) => {
  test.each(['folder', 'gguf'] as const)('sliced as a %s', async (form) => {
    const [windows, tokens] = [goldenTokens(name), goldenTokens(name)[0]!];
    const decoder = await decoderOf(form === 'gguf' ? await asGguf(name) : tinyModel(name));
    const { hiddenSize: size, vocabSize, headDim } = decoder.config;
    const { gram } = await collectSharedStatistics({ ...ports, decoder, windows });
    const output = (width: number): string => path.join(scratch, `${name}.${form}.${width}.gguf`);
    const slice = async (width: number) => {
      const rotation = await sharedRotation({ ...ports, gram, size, width });
      return sliceShared({ ...ports, ...float32, decoder, rotation, output: output(width) });
    };

    expect((await slice(size)).width).toBe(size);
    const whole = await hostLogProbs(output(size), tokens);
    expect(furthest(whole, referenceLogProbs(name, vocabSize))).toBeLessThan(1e-3);

    const width = (size * 5) / 8;
    expect(await slice(width)).toMatchObject({ width, sparsity: 0.375 });
    const sliced = await decoderOf(output(width));
    expect(sliced.config).toMatchObject({ hiddenSize: width, headDim });
    const positions = Array.from({ length: 8 }, (_, index) => ({ window: 0, position: tokens.length - 8 + index }));
    const { rows } = await run(sliced, [tokens], { nll: false, positions });
    const cut = await hostLogProbs(output(width), tokens);
    expect(furthest(cut, rows)).toBeLessThan(1e-3);
    // A slice that changed nothing would pass the comparison above too.
    expect(furthest(cut, whole)).toBeGreaterThan(0.01);
  });
});
