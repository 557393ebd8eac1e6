// The verb generate from end to end: text of dense models is llama.cpp's own, text of sliced ones is that of full passes.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { exactSettings } from '../../src-main/contract/llama-host-api.ts';
import { writeOnnxModel } from '../../src-main/core/export/onnx/write-onnx-model.ts';
import { slicedForward } from '../../src-main/core/slicing/per-block/sliced-forward.ts';
import type { SlicedDecoder } from '../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { openFolderTokenizer } from '../../src-main/core/tokens/folder-tokenizer.ts';
import { caller, handlers as llamaHost } from '../llama-host/host.ts';
import {
  errorOf,
  madeIn,
  quick,
  resultOf,
  scratchIn,
  slicedBy,
  startEngine,
  temporaryFolder,
  type TestEngine,
} from '../support/engine.ts';
import { goldenModels, readJson } from '../support/golden-models.ts';
import { decoderOf } from '../support/graph-runs.ts';
import { architectures, sampleFolder, sampleModel } from '../support/paths.ts';
import { constantConfig, slicedInto } from '../support/per-block.ts';
import { ports } from '../support/slicing.ts';

const { eos_token_id: endOfText } = readJson<{ eos_token_id: number }>(path.join(sampleFolder, 'config.json'));
const prompt = 'Once upon a time';
const recipe = (model: string, more: object = {}): object => ({
  ...{ verb: 'generate', model, prompt, tokens: 24, threads: 1 },
  ...more,
});

/** The sample without a quarter of its width, with its tokenizer. */
async function slicedSample(): Promise<SlicedDecoder> {
  const decoder = await decoderOf(sampleFolder);
  const tokenizer = await openFolderTokenizer(sampleFolder);
  const text = 'There was a boy who liked to play in the garden. One day he saw a bird in a tree. '.repeat(8);
  const windows = [Int32Array.from(tokenizer.encode(text).slice(0, 128))];
  const widths = constantConfig(decoder, 192);
  const folder = path.join(temporaryFolder(), 'sliced');
  return (await slicedInto(folder, { decoder, windows, widths, tokenizerFrom: sampleFolder })).sliced;
}

/** Greedy text of `tokens` tokens, or of those in front of one that ends a text, by full passes of our sliced forward. */
async function textWithoutCache(decoder: SlicedDecoder, tokens: number): Promise<string> {
  const tokenizer = await openFolderTokenizer(sampleFolder);
  const ids = tokenizer.encode(prompt);
  const { length } = ids;
  while (ids.length < length + tokens) {
    const positions = [{ window: 0, position: ids.length - 1 }];
    const windows = [Int32Array.from(ids)];
    const pass = { ...ports, decoder, windows, positions, nll: false, rowKind: 'logits' as const };
    const { rows } = await slicedForward(pass);
    const next = rows.indexOf(rows.reduce((most, value) => Math.max(most, value)));
    if (next === endOfText) break;
    ids.push(next);
  }
  return tokenizer.decode(ids).slice(tokenizer.decode(ids.slice(0, length)).length);
}

/** The texts so far that a job's progress has told. */
function textsTold({ events }: TestEngine): string[] {
  return events.flatMap(({ payload }) => {
    const { event } = payload as { event?: { progress?: { stage: string; detail?: string } } };
    const { stage, detail } = event?.progress ?? {};
    return stage === 'generate' && detail !== undefined ? [detail] : [];
  });
}

describe('generate', () => {
  test.each([
    ['a folder', sampleFolder],
    ['a GGUF', sampleModel],
  ])('writes what llama.cpp writes with %s', async (_, model) => {
    const engine = await startEngine();
    const expected = await llamaHost.generate(
      { model: sampleModel, prompt, tokens: 24, settings: { gpuLayers: 0, cpuExpertLayers: 0, ...exactSettings } },
      caller(),
    );
    const found = resultOf(await engine.run(recipe(model)), 'generate');
    expect(found.text).toBe(expected.text);
    expect(found).toMatchObject({
      ...{ prompt, endedBy: 'limit', engine: 'onnx', kind: 'weights-only', type: 'F16', device: 'cpu' },
      ...{ tokens: { generated: 24 }, warnings: [] },
    });
    expect(found.tokensPerSecond.decode).toBeGreaterThan(0);
    expect(scratchIn(engine.home)).toEqual([]);
  });

  test('runs a model sliced block by block, from its folder and from its ONNX file, and tells the text as it grows', async () => {
    const engine = await startEngine();
    const decoder = await slicedSample();
    const expected = await textWithoutCache(decoder, 12);
    const found = resultOf(await engine.run(recipe(decoder.model.path, { tokens: 12 })), 'generate');
    expect(found.text).toBe(expected);
    expect(found.type).toBe('F32');
    const told = textsTold(engine);
    expect(told.length).toBeGreaterThan(0);
    for (const text of told) expect(expected.startsWith(text)).toBe(true);

    const output = path.join(temporaryFolder(), 'sliced.onnx');
    await writeOnnxModel({ ...ports, decoder, output, type: 'F32' });
    for (const tokenizer of [sampleFolder, sampleModel]) {
      const ofFile = resultOf(await engine.run(recipe(output, { tokens: 12, tokenizer })), 'generate');
      expect(ofFile).toMatchObject({ text: expected, type: null });
    }
  });

  test('runs what slice wrote: the folder and the ONNX model give the same text', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const sliced = async (name: string): Promise<string> => {
      const output = path.join(folder, name);
      const wanted = { verb: 'slice', method: 'per-block', model: sampleModel, sparsity: 0.25, evaluate: false };
      slicedBy(await engine.run({ ...wanted, output, ...quick }), 'per-block');
      return output;
    };
    const [asFolder, asFile] = [await sliced('sliced'), await sliced('sliced.onnx')];
    expect(madeIn(folder)).toEqual(['sliced', 'sliced.onnx']);
    const ofFolder = resultOf(await engine.run(recipe(asFolder)), 'generate');
    const ofFile = resultOf(await engine.run(recipe(asFile, { tokenizer: sampleModel })), 'generate');
    expect(ofFolder).toMatchObject({ type: 'F16', tokens: ofFile.tokens });
    expect(ofFolder.text.length).toBeGreaterThan(20);
    expect(ofFile.text).toBe(ofFolder.text);
  });

  test('draws by a seed', async () => {
    const engine = await startEngine();
    const drawn = async (seed: number): Promise<string> =>
      resultOf(await engine.run(recipe(sampleModel, { temperature: 1.5, topK: 50, seed })), 'generate').text;
    const one = await drawn(1);
    expect(await drawn(1)).toBe(one);
    expect(await drawn(2)).not.toBe(one);
  });

  test('writes no more than the model can see', async () => {
    const engine = await startEngine();
    const long = 'the sun and the moon. '.repeat(100);
    expect(errorOf(await engine.run(recipe(sampleModel, { prompt: long })))).toMatchObject({
      code: 'USAGE',
      details: { longest: 512 },
    });
    const output = path.join(temporaryFolder(), 'model.onnx');
    await writeOnnxModel({ ...ports, decoder: await decoderOf(sampleModel), output, type: 'F16' });
    const ofFile = recipe(output, { prompt: long, tokenizer: sampleFolder });
    expect(errorOf(await engine.run(ofFile))).toMatchObject({ code: 'USAGE', details: { longest: 512 } });
    const many = resultOf(await engine.run(recipe(sampleModel, { tokens: 600 })), 'generate');
    expect(many.warnings).toEqual([expect.stringMatching(/the model sees 512/)]);
  });
});

describe('generate refuses', () => {
  test('an ONNX file without a tokenizer, and a tokenizer that is none', async () => {
    const engine = await startEngine();
    expect(errorOf(await engine.run(recipe('/none/model.onnx'))).code).toBe('USAGE');
    const folder = path.join(temporaryFolder(), 'empty');
    mkdirSync(folder);
    const tokenizer = { tokenizer: folder };
    const decoder = await decoderOf(sampleModel);
    const output = path.join(temporaryFolder(), 'model.onnx');
    await writeOnnxModel({ ...ports, decoder, output, type: 'F16' });
    expect(errorOf(await engine.run(recipe(output, tokenizer)))).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/no tokenizer/) as string,
    });
    const missing = { tokenizer: sampleFolder };
    expect(errorOf(await engine.run(recipe('/none/model.onnx', missing))).code).toBe('FILE_NOT_FOUND');
  });

  test('a GPU, by name', async () => {
    const engine = await startEngine();
    const error = errorOf(await engine.run(recipe(sampleModel, { device: 'cuda' })));
    expect(error.code).toBe('DEVICE_UNAVAILABLE');
  });

  test.skipIf(!goldenModels)('a folder without a tokenizer', async () => {
    const engine = await startEngine();
    const model = path.join(goldenModels!, 'llama-gqa');
    expect(errorOf(await engine.run(recipe(model))).code).toBe('FILE_NOT_FOUND');
  });

  test.skipIf(!architectures)('a model without graphs', async () => {
    const engine = await startEngine();
    const error = errorOf(await engine.run(recipe(path.join(architectures!, 'qwen3moe.gguf'))));
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
  });
});

test('a cancel ends the writing within two seconds and leaves nothing', async () => {
  const engine = await startEngine();
  // Drawn freely: this model's most likely tokens soon end its text.
  const id = await engine.runUntil(recipe(sampleModel, { tokens: 500, temperature: 3 }), 'generate');
  await vi.waitUntil(() => textsTold(engine).length > 0, { timeout: 20_000 });
  const start = performance.now();
  const { job } = await engine.call['jobs.cancel']({ id }, {} as never);
  expect(job.state).toBe('cancelled');
  expect(performance.now() - start).toBeLessThan(2000);
  expect(scratchIn(engine.home)).toEqual([]);
});
