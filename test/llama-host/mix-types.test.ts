// Types of named mixes against the files that llama.cpp really writes, and the mixes it refuses.
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readDryRun } from '../../src-main/llama-host/duties/mix-types.ts';
import { fileTypes } from '../../src-main/llama-host/native/file-types.ts';
import { quantizeReference } from '../../src-main/llama-host/native/quantize-reference.ts';
import { architectures, sampleModel } from '../support/paths.ts';
import { caller, exact, failureOf, handlers, plainCaller, someTokens, temporaryFolder } from './host.ts';
import { splitGguf } from './split-gguf.ts';

const folder = temporaryFolder();

async function typesOf(
  model: string,
  name: string,
  options: { pure?: boolean; importance?: boolean } = {},
): Promise<Record<string, string> | null> {
  const mixes = [{ name, pure: options.pure ?? false, importance: options.importance ?? false }];
  return (await handlers.mixTypes({ model, mixes }, plainCaller)).results[0]!.types;
}

/** What a file holds: the mix of a dry run that changes nothing is the file's own types. */
async function ownTypes(model: string): Promise<Record<string, string>> {
  const log = await quantizeReference({
    input: model,
    output: path.join(folder, 'copy.gguf'),
    mix: 'F32',
    allowRequantize: true,
  });
  return Object.fromEntries(
    [...log.matchAll(/^\[ *\d+\/ *\d+\] (\S+) .*type = +(\S+),/gm)].map(([, name, type]) => [
      name!,
      type!.toUpperCase(),
    ]),
  );
}

describe('mixTypes', () => {
  test.each(['Q4_K_M', 'Q5_K_S', 'Q3_K_L', 'Q8_0', 'IQ4_XS', 'Q4_0', 'BF16', 'F32', 'TQ2_0'])(
    '%s is what llama.cpp writes',
    async (mix) => {
      const output = path.join(folder, `${mix}.gguf`);
      await quantizeReference({ input: sampleModel, output, mix });
      const types = await typesOf(sampleModel, mix);
      expect(types).toEqual(await ownTypes(output));
      expect(Object.keys(types!).length).toBeGreaterThan(50);
    },
  );

  test('importance changes the choice of types; without it small types are refused with the reason', async () => {
    const { results } = await handlers.mixTypes(
      { model: sampleModel, mixes: [{ name: 'IQ2_XS', pure: false, importance: false }] },
      plainCaller,
    );
    expect(results).toEqual([{ name: 'IQ2_XS', types: null, reason: 'it needs importance', needsImportance: true }]);
    expect(Object.values((await typesOf(sampleModel, 'IQ2_XS', { importance: true }))!)).toContain('IQ2_XS');
  });

  test('pure puts one type on every matrix', async () => {
    const types = (await typesOf(sampleModel, 'Q4_K_M', { pure: true }))!;
    expect(new Set(Object.values(types))).toEqual(new Set(['F32', 'Q4_K']));
  });

  test('a mix that there is not, or that cannot be made, is a reason', async () => {
    const mixes = ['Q4_X', 'NVFP4'].map((name) => ({ name, pure: false, importance: false }));
    const { results } = await handlers.mixTypes({ model: sampleModel, mixes }, plainCaller);
    expect(results[0]).toMatchObject({ types: null, reason: expect.stringContaining('no mix Q4_X') });
    expect(results[1]).toMatchObject({ types: null, reason: expect.stringContaining('invalid output file type') });
  });

  test('every name of the table answers with types or a reason', async () => {
    const mixes = Object.keys(fileTypes).map((name) => ({ name, pure: false, importance: true }));
    const { results } = await handlers.mixTypes({ model: sampleModel, mixes }, plainCaller);
    const without = results.filter(({ types }) => types === null).map(({ name }) => name);
    expect(without).toEqual(['NVFP4']);
  });

  test.skipIf(!architectures)('MXFP4_MOE of experts', async () => {
    const types = (await typesOf(path.join(architectures!, 'gpt-oss.gguf'), 'MXFP4_MOE'))!;
    expect(types['blk.0.ffn_down_exps.weight']).toBe('MXFP4');
    expect(types['blk.0.attn_q.weight']).toBe('Q8_0');
  });
});

test('readDryRun reads changed and unchanged tensors, and ignores the words between', () => {
  const log = [
    'llama_model_loader: - type  f32:   61 tensors',
    'warning: blk.0.attn_k.weight - ncols 576 not divisible by 256 (required for type q4_K) -> falling back to q5_0',
    '[   1/   3] output_norm.weight                   - [  576,     1,     1,     1], type =    f32, size =    0.002 MiB',
    '[   2/   3] blk.0.attn_k.weight                  - [  576,   192,     1,     1], type =   q4_1, size =     0.07 MiB ->     0.07 MiB (q5_0)',
    '[   3/   3] blk.9.ffn_down_exps.weight           - [ 2048,  1024,   128,     1], type =   bf16, size =   512.00 MiB ->   136.00 MiB (mxfp4)',
  ].join('\n');
  const types = { 'output_norm.weight': 'F32', 'blk.0.attn_k.weight': 'Q5_0', 'blk.9.ffn_down_exps.weight': 'MXFP4' };
  expect(readDryRun(true, log)).toEqual({ types, reason: null, needsImportance: false });
  const cut = log.replace('type =   q4_1, size', 'typ = q4_1, size');
  expect(() => readDryRun(true, cut)).toThrow('was not understood');
});

describe('a file in two parts', () => {
  let first = '';
  beforeAll(() => {
    first = splitGguf(sampleModel, folder);
  });

  test('has the mixes, the memory and the probabilities of the whole', async () => {
    expect(await typesOf(first, 'Q4_K_M')).toEqual(await typesOf(sampleModel, 'Q4_K_M'));
    const windows = [someTokens(40)];
    const { windows: compared } = await handlers.compare(
      { reference: sampleModel, candidate: first, windows, settings: exact },
      caller(),
    );
    expect(Math.max(...compared[0]!.kld!)).toBeLessThan(1e-9);
    const requests = [sampleModel, first].map((header) => ({ header, context: 512, microBatch: 512, settings: exact }));
    const { results } = await handlers.memory({ requests }, caller());
    expect(results[1]).toEqual(results[0]);
  });
});

describe('quantizeReference', () => {
  test('refuses a quantised source unless allowed, with the reason', async () => {
    const source = path.join(folder, 'Q8_0.gguf');
    await quantizeReference({ input: sampleModel, output: source, mix: 'Q8_0' });
    const error = await failureOf(() =>
      quantizeReference({ input: source, output: path.join(folder, 'again.gguf'), mix: 'Q4_0' }),
    );
    expect(error).toMatchObject({
      code: 'LLAMA_FAILED',
      message: expect.stringContaining('requantizing from type q8_0 is disabled'),
    });
  });

  test('uses importance', async () => {
    const size = 256;
    const names = Array.from({ length: 6 }, (_, i) => `blk.${i}.attn_q.weight`);
    const importance = names.map((name) => ({ name, values: new Float32Array(size).fill(1) }));
    const log = await quantizeReference({
      input: sampleModel,
      output: path.join(folder, 'i.gguf'),
      mix: 'Q4_K_M',
      importance,
    });
    expect(log).toContain('have importance matrix data with 6 entries');
  });
});
