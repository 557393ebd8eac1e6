// The worker's tasks of a shared slice on the sample model: calibrate, check the rotation, slice, load in llama.cpp.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Progress } from '../../src-main/contract/progress.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import type { ModelSource } from '../../src-main/core/formats/model-source.ts';
import { openImportance } from '../../src-main/core/quantization/importance-file.ts';
import { readGram } from '../../src-main/core/calibration/gram-file.ts';
import { statisticsFiles } from '../../src-main/core/calibration/saved-statistics.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { caller, exact, handlers as llama, mean, someTokens, temporaryFolder } from '../llama-host/host.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';
import { quiet, thrownBy } from './quantize-oracle.ts';

const folder = temporaryFolder();
const file = (name: string): string => path.join(folder, name);
const windows = [1, 2, 3, 4].map((seed) => someTokens(128, seed));
const { gram, importance } = statisticsFiles(folder);
const told: Progress[] = [];
let calibrated: Awaited<ReturnType<typeof handlers.blockStatistics>>;

type SliceParams = Parameters<typeof handlers.sliceShared>[0];
const request = (change: Partial<SliceParams> = {}): SliceParams => ({
  ...{ source: sampleModel, gram, output: file('sliced.gguf'), width: 192, orientation: 'pca', seed: 0 },
  ...{ type: 'F16', types: null, fileType: null, importance: null, precision: 'fp64', threads: 1, ...change },
});

async function withModel<T>(path: string, use: (model: ModelSource) => T): Promise<T> {
  const model = await openModel(path);
  try {
    return use(model);
  } finally {
    await model.close();
  }
}

beforeAll(async () => {
  const params = { source: sampleModel, windows, folder, fingerprint: 'none', datasets: ['made up'], threads: 1 };
  const settings = { provider: 'cpu', spectra: false } as const;
  calibrated = await handlers.blockStatistics(
    { ...params, ...settings },
    { ...quiet, progress: (progress) => told.push(progress) },
  );
});

describe('blockStatistics', () => {
  test('writes a Gram whose trace is tokens × hidden size × sites, and says how far it is', async () => {
    const model = await openModel(sampleModel);
    const { hiddenSize, numHiddenLayers } = model.config;
    await model.close();
    expect(calibrated).toMatchObject({ tokens: 512, sites: 2 * numHiddenLayers! + 1 });
    const saved = await readGram(gram);
    expect(saved).toMatchObject({ size: hiddenSize, tokens: 512, sites: calibrated.sites });
    let trace = 0;
    for (let index = 0; index < saved.size; index += 1) trace += saved.gram[index * (saved.size + 1)]!;
    expect(trace / (512 * hiddenSize! * calibrated.sites)).toBeCloseTo(1, 2);
    expect(told.at(-1)).toMatchObject({ stage: 'calibrate', done: 512, total: 512, unit: 'tokens' });
  });

  test('writes importance that the quantiser takes', async () => {
    const found = await openImportance(importance);
    expect(found).toMatchObject({ datasets: ['made up'], chunkCount: 4, chunkSize: 128 });
    await found.close();
    const types = { 'blk.0.ffn_down.weight': 'IQ3_XXS', 'blk.1.attn_q.weight': 'Q4_K' };
    const params = {
      source: sampleModel,
      output: file('quantised.gguf'),
      types,
      fileType: null,
      importance,
      threads: 1,
    };
    expect(await handlers.quantize(params, quiet)).toMatchObject({ unseenExperts: 0 });
  });
});

test.each([
  ['pca', 'F16', sampleModel],
  ['hadamard', 'F32', sampleFolder],
] as const)('sliceHeader: the header of the %s slice in %s, and its size', async (orientation, type, source) => {
  const params = { source, width: 192, orientation, seed: 7, type };
  const planned = await handlers.sliceHeader({ ...params, output: file(`${type}.header.gguf`) }, quiet);
  const written = await handlers.sliceShared(request({ ...params, output: file(`${type}.slice.gguf`) }), quiet);
  const { fileBytes, width, sparsity, parametersBefore, parametersAfter, untiedParameters } = written;
  expect(planned).toEqual({ fileBytes, width, sparsity, parametersBefore, parametersAfter, untiedParameters });
  const [header, slice] = [readFileSync(file(`${type}.header.gguf`)), readFileSync(file(`${type}.slice.gguf`))];
  const { tensors } = await withModel(file(`${type}.header.gguf`), (model) => model);
  const start = Math.min(...tensors.map(({ offset }) => offset));
  expect(header.length).toBe(slice.length);
  expect(header.subarray(0, start).equals(slice.subarray(0, start))).toBe(true);
  expect(header.subarray(start).equals(Buffer.alloc(header.length - start))).toBe(true);
  const again = handlers.sliceHeader({ ...params, output: file(`${type}.header.gguf`) }, quiet);
  await expect(again).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
});

describe('sliceShared', () => {
  test('the sample model at width 192 loads in llama.cpp', async () => {
    const reports: Progress[] = [];
    const result = await handlers.sliceShared(request(), { ...quiet, progress: (report) => reports.push(report) });
    expect(result).toMatchObject({ width: 192, sparsity: 0.25, architecture: 'llama' });
    expect(result.orthogonality).toBeLessThan(1e-12);
    const last = reports.at(-1)!;
    expect(last).toMatchObject({ stage: 'slice', unit: 'bytes', done: last.total });
    const sliced = await openModel(request().output);
    expect(sliced.parameters).toBe(result.parametersAfter);
    await sliced.close();
    const compared = await llama.compare(
      { reference: sampleModel, candidate: request().output, windows: windows.slice(0, 2), settings: exact },
      caller(),
    );
    const kld = mean(compared.windows.flatMap((window) => [...window.kld!]));
    // Measured: 0.014. Structural mistakes show at 1 or more.
    expect(kld).toBeLessThan(0.1);
  });

  test('in fp32 its directions are as far from orthonormal as float32 leaves them', async () => {
    const made = { precision: 'fp32', output: file('fp32.gguf') } as const;
    const { precision, orthogonality } = await handlers.sliceShared(request(made), quiet);
    expect(precision).toBe('fp32');
    expect(orthogonality).toBeGreaterThan(1e-8);
    expect(orthogonality).toBeLessThan(1e-4);
  });

  test('at full width llama.cpp finds the model unchanged, whatever the orientation and the form of the source', async () => {
    for (const [orientation, source] of [
      ['hadamard', sampleModel],
      ['random', sampleFolder],
    ] as const) {
      const output = file(`${orientation}.gguf`);
      await handlers.sliceShared(request({ width: 256, orientation, source, output, type: 'F32', seed: 11 }), quiet);
      const compared = await llama.compare(
        { reference: sampleModel, candidate: output, windows: windows.slice(0, 1), settings: exact },
        caller(),
      );
      expect(mean(compared.windows.flatMap((window) => [...window.kld!]))).toBeLessThan(1e-4);
    }
  });

  test('refuses a Gram of another model, another file, and a width that is too large', async () => {
    const spoiled = { output: file('refused.gguf') };
    expect(await thrownBy(() => handlers.sliceShared(request({ ...spoiled, gram: sampleModel }), quiet))).toMatchObject(
      {
        code: 'FILE_MALFORMED',
      },
    );
    expect(await thrownBy(() => handlers.sliceShared(request({ ...spoiled, width: 257 }), quiet))).toMatchObject({
      code: 'USAGE',
    });
    expect(existsSync(spoiled.output)).toBe(false);
  });
});

test('invariance: a rotation alone changes nothing', async () => {
  const reports: Progress[] = [];
  const params = { source: sampleModel, windows: windows.slice(0, 2), threads: 1, provider: 'cpu' as const };
  const found = await handlers.invariance(params, { ...quiet, progress: (report) => reports.push(report) });
  expect(found).toMatchObject({ tokens: 256, passed: true });
  expect(found.largestLogitChange).toBeLessThan(1e-3 * found.largestLogit);
  expect(found.tolerance).toBeLessThanOrEqual(2e-2 * found.largestLogit);
  expect(Math.abs(found.perplexityAfter / found.perplexityBefore - 1)).toBeLessThan(1e-5);
  expect(reports.at(-1)).toMatchObject({ stage: 'invariance', done: 512, total: 512, unit: 'tokens' });
});
