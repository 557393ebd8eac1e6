// Every named mix and every single type, with and without importance: the worker's file against llama.cpp's own.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import { mixes, singleTypes } from '../../src-main/core/quantization/mixes.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { sampleModel } from '../support/paths.ts';
import { compareQuantisers, hasOracle, makeImportance, quantizeReference, quiet, temporaryFolder } from './quantize-oracle.ts';

const folder = temporaryFolder();
let importance: string;

beforeAll(async () => {
  importance = await makeImportance(sampleModel, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** llama.cpp has no file type of its own for these. */
const withoutFileType = new Set(['NVFP4']);
const singles = singleTypes
  .filter((type) => !withoutFileType.has(type))
  .map((type) => ({ name: `${type} alone`, fileType: mixes.find((mix) => mix.type === type)!.fileType, pure: true }));
const cases = [...mixes.map(({ name, fileType }) => ({ name, fileType, pure: false })), ...singles];

describe.skipIf(!hasOracle)('bytes equal llama_model_quantize', () => {
  it.each(cases)('$name with importance', async ({ fileType, pure }) => {
    const { differing, ourSha256, referenceSha256 } = await compareQuantisers({ folder, input: sampleModel, fileType, pure, importance });
    expect(differing).toEqual([]);
    expect(ourSha256).toBe(referenceSha256);
  });

  it.each(cases)('$name without importance, or both refuse', async ({ fileType, pure }) => {
    const output = path.join(folder, 'refused.gguf');
    const refusal = await quantizeReference({ input: sampleModel, output, fileType, pure }).then(
      () => null,
      (error: Error) => error.message,
    );
    if (refusal === null) {
      const { differing, ourSha256, referenceSha256 } = await compareQuantisers({ folder, input: sampleModel, fileType, pure });
      expect(differing).toEqual([]);
      expect(ourSha256).toBe(referenceSha256);
      return;
    }
    expect(refusal).toMatch(/requires an (imatrix|importance matrix)/);
    const { type } = mixes.find((mix) => mix.fileType === fileType)!;
    const types = { 'blk.0.attn_q.weight': type };
    const request = { source: sampleModel, output, types, fileType, importance: null, threads: 1 };
    await expect(handlers.quantize(request, quiet)).rejects.toThrow(expect.objectContaining({ code: 'IMPORTANCE_MISSING' }) as AppError);
  });
});
