// Mixture-of-experts, gated delta nets and latent attention: bytes against llama.cpp's own quantiser.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findMix } from '../../src-main/core/quantization/mixes.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { architectures } from '../support/paths.ts';
import { expectSameBytes, expectSameWithoutImportance } from './byte-cases.ts';
import { makeImportance, quantizeReference, quiet, temporaryFolder, typesOf } from './quantize-oracle.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const models = ['qwen3moe', 'qwen35moe', 'gpt-oss', 'deepseek2'];
const mixes = ['Q8_0', 'Q6_K', 'Q4_K_M', 'Q3_K_S', 'MXFP4', 'Q2_K_S', 'F16'].map((name) => ({
  ...findMix(name),
  pure: false,
}));

describe.skipIf(architectures === null).each(models)('%s', (name) => {
  const model = path.join(architectures ?? '', `${name}.gguf`);

  it.each(mixes)('$name with importance', async (mix) => {
    await expectSameBytes(model, folder, mix, await makeImportance(model, folder));
  });

  it.each(mixes)('$name without importance, or both refuse', (mix) => expectSameWithoutImportance(model, folder, mix));

  it('counts the experts without importance', async () => {
    const reference = path.join(folder, 'reference.gguf');
    await quantizeReference({ input: model, output: reference, fileType: findMix('Q4_K_M').fileType });
    const types = await typesOf(reference);
    const sourceTypes = await typesOf(model);
    const importance = await makeImportance(model, folder);
    const output = path.join(folder, 'experts.gguf');
    rmSync(output, { force: true });
    const result = await handlers.quantize(
      { source: model, output, types, fileType: null, importance, threads: 2 },
      quiet,
    );
    // In makeImportance the second slice of every tensor of several slices has no rows.
    const converted = Object.keys(types).filter(
      (tensor) => types[tensor] !== sourceTypes[tensor] && types[tensor] !== 'F16',
    );
    const sliced = converted.filter((tensor) => /_exps\.weight$|_[kv]_b\.weight$/.test(tensor));
    expect(sliced.length).toBeGreaterThan(0);
    expect(result.unseenExperts).toBe(sliced.length);
  });
});
