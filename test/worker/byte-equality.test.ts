// Every named mix and every single type, with and without importance: the worker's file against llama.cpp's own.
// The sample is thinned to 70 rows per tensor here (two blocks of rows, the second one short); test/heavy takes all of it.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findMix } from '../../src-main/core/quantization/mixes.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { sampleModel } from '../support/paths.ts';
import { cases, expectSameBytes, expectSameWithoutImportance, thinModel } from './byte-cases.ts';
import { makeImportance, quantizeReference, quiet, temporaryFolder, thrownBy, typesOf } from './quantize-oracle.ts';

const folder = temporaryFolder();
let thin: string;
let importance: string;
let thinImportance: string;

beforeAll(async () => {
  thin = await thinModel(sampleModel, 70, path.join(folder, 'thin.gguf'));
  importance = await makeImportance(sampleModel, folder);
  thinImportance = await makeImportance(thin, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bytes equal llama_model_quantize', () => {
  it.each(cases)('$name with importance', (row) => expectSameBytes(thin, folder, row, thinImportance));
  it.each(cases)('$name without importance, or both refuse', (row) => expectSameWithoutImportance(thin, folder, row));
  it.each(['Q8_0', 'Q6_K', 'Q4_K_M', 'Q3_K_M', 'Q4_0'].map(findMix))('$name of the whole sample', (mix) =>
    expectSameBytes(sampleModel, folder, { ...mix, pure: false }, importance),
  );

  it('a quantised source: Q4_K_M from Q8_0', async () => {
    const source = path.join(folder, 'source.Q8_0.gguf');
    await quantizeReference({ input: thin, output: source, fileType: 7 });
    await expectSameBytes(source, folder, { name: 'Q4_K_M', fileType: 15, pure: false }, thinImportance);
  });

  it('a coarse source is counted as quantised twice', async () => {
    const source = path.join(folder, 'source.Q4_0.gguf');
    await quantizeReference({ input: thin, output: source, fileType: 2, pure: true });
    const types = await typesOf(source);
    const names = Object.keys(types).filter((name) => types[name] === 'Q4_0');
    const request = { source, output: path.join(folder, 'twice.gguf'), importance: null, fileType: 7, threads: 2 };
    const result = await handlers.quantize(
      { ...request, types: Object.fromEntries(names.map((name) => [name, 'Q8_0'])) },
      quiet,
    );
    expect(result.requantized).toBe(names.length);
  });

  it('NVFP4, which llama_model_quantize does not offer, writes and reads back', async () => {
    const output = path.join(folder, 'nvfp4.gguf');
    await handlers.quantize(
      { source: thin, output, types: { 'blk.0.attn_q.weight': 'NVFP4' }, fileType: null, importance: null, threads: 1 },
      quiet,
    );
    expect((await typesOf(output))['blk.0.attn_q.weight']).toBe('NVFP4');
    await expect(handlers.checkWeights({ source: output, threads: 1 }, quiet)).resolves.toMatchObject({
      tensors: Object.keys(await typesOf(thin)).length,
    });
  });

  it('an embedding in a type that cannot do without importance is refused, where llama.cpp aborts', async () => {
    const request = {
      source: thin,
      output: path.join(folder, 'abort.gguf'),
      types: { 'token_embd.weight': 'IQ2_XS' },
      fileType: null,
      importance: null,
      threads: 1,
    };
    expect(await thrownBy(() => handlers.quantize(request, quiet))).toMatchObject({
      code: 'IMPORTANCE_MISSING',
      details: { tensor: 'token_embd.weight' },
    });
  });
});
