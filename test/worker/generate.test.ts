// The worker's generate: greedy tokens are those of full forward passes without a cache, dense and sliced block by block.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { writeOnnxModel } from '../../src-main/core/export/onnx/write-onnx-model.ts';
import { GraphBuilder } from '../../src-main/core/graph/graph-builder.ts';
import { forward } from '../../src-main/core/graph/forward.ts';
import { slicedForward } from '../../src-main/core/slicing/per-block/sliced-forward.ts';
import type { SlicedDecoder } from '../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { failureOf } from '../core/formats/temporary-folder.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { goldenModels, goldenTokens, tinyModel, tinyModels } from '../support/golden-models.ts';
import { decoderOf } from '../support/graph-runs.ts';
import { fixtures } from '../support/paths.ts';
import { constantConfig, slicedInto } from '../support/per-block.ts';
import { golden, ports } from '../support/slicing.ts';

const folder = temporaryFolder();
let made = 0;

async function onnxOf(decoder: Decoder | SlicedDecoder): Promise<string> {
  made += 1;
  const output = path.join(folder, `${made}.onnx`);
  await writeOnnxModel({ ...ports, decoder, output, type: 'F32' });
  return output;
}

const generate = async (
  model: string,
  prompt: readonly number[],
  more: object = {},
  context: Partial<Parameters<typeof handlers.generate>[1]> = {},
): Promise<Awaited<ReturnType<typeof handlers.generate>>> => {
  const params = { model, prompt: Int32Array.from(prompt), maxTokens: 12, stopIds: [], threads: 1, ...more };
  return handlers.generate(workerApi.methods.generate.params.parse(params), { ...ports, ...context });
};

/** The most likely token each time, by our own block graphs over all tokens. */
async function withoutCache(
  decoder: Decoder | SlicedDecoder,
  prompt: readonly number[],
  tokens = 12,
): Promise<number[]> {
  const ids = [...prompt];
  while (ids.length < prompt.length + tokens) {
    const pass = {
      ...{ ...ports, windows: [Int32Array.from(ids)], nll: false, rowKind: 'logits' as const },
      positions: [{ window: 0, position: ids.length - 1 }],
    };
    const { rows } = await ('slicing' in decoder ? slicedForward({ ...pass, decoder }) : forward({ ...pass, decoder }));
    ids.push(rows.indexOf(Math.max(...rows)));
  }
  return ids.slice(prompt.length);
}

describe('greedy tokens are those of full passes without a cache', () => {
  test.each(tinyModels)('dense %s', async (name) => {
    const decoder = await decoderOf(tinyModel(name));
    const prompt = [...goldenTokens(name)[0]!.subarray(0, 9)];
    const { ids, endedBy } = await generate(await onnxOf(decoder), prompt);
    expect([...ids]).toEqual(await withoutCache(decoder, prompt));
    expect(endedBy).toBe('limit');
  });

  test.skipIf(!goldenModels).each(['llama-gqa', 'opt', 'phi', 'phi3'])('sliced %s', async (name) => {
    const decoder = await decoderOf(golden(name));
    const windows = goldenTokens(name);
    const widths = constantConfig(decoder, 48);
    const { sliced } = await slicedInto(path.join(folder, name), { decoder, windows, widths });
    const prompt = [...windows[1]!.subarray(0, 9)];
    const { ids } = await generate(await onnxOf(sliced), prompt);
    expect([...ids]).toEqual(await withoutCache(sliced, prompt));
  });
});

describe('generate', () => {
  const file = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');
  const prompt = [1, 7, 9];

  test('takes a prompt that is longer than a run', async () => {
    const decoder = await decoderOf(file);
    const long = Array.from({ length: 150 }, (_, index) => (index * 37) % 256);
    const prefill: number[] = [];
    const { ids } = await generate(
      await onnxOf(decoder),
      long,
      { maxTokens: 3 },
      {
        progress: ({ stage, done }) => void (stage === 'prefill' && prefill.push(done)),
      },
    );
    expect([...ids]).toEqual(await withoutCache(decoder, long, 3));
    expect(prefill).toEqual([0, 64, 128]);
  });

  test('tells every token as it comes, and ends in front of a stop token', async () => {
    const model = await onnxOf(await decoderOf(file));
    const { ids: all } = await generate(model, prompt);
    const told: number[][] = [];
    const stopAt = all.findIndex((id, index) => index > 2 && all.indexOf(id) === index);
    const result = await generate(
      model,
      prompt,
      { stopIds: [all[stopAt]!] },
      { progress: ({ stage, ids }) => void (stage === 'generate' && told.push([...ids])) },
    );
    expect([...result.ids]).toEqual([...all.subarray(0, stopAt)]);
    expect(result.endedBy).toBe('stop');
    expect(told).toEqual(Array.from({ length: stopAt }, (_, index) => [all[index]]));
    expect(workerApi.methods.generate.result.parse(result)).toEqual(result);
  });

  test('draws the same tokens for the same seed', async () => {
    const model = await onnxOf(await decoderOf(file));
    const drawn = async (more: object): Promise<number[]> => [...(await generate(model, prompt, more)).ids];
    const [one, again] = [await drawn({ temperature: 2, seed: 5 }), await drawn({ temperature: 2, seed: 5 })];
    expect(again).toEqual(one);
    expect(await drawn({ temperature: 2, seed: 6 })).not.toEqual(one);
    const greedy = await drawn({});
    expect(await drawn({ temperature: 2, topK: 1, seed: 6 })).toEqual(greedy);
  });

  test('refuses what is no prompt, no model and no file; ends when told to', async () => {
    const decoder = await decoderOf(file);
    const model = await onnxOf(decoder);
    expect(await failureOf(generate(model, []))).toMatchObject({ code: 'USAGE' });
    const strange = decoder.config.vocabSize;
    expect(await failureOf(generate(model, [1, strange]))).toMatchObject({
      code: 'USAGE',
      details: { token: strange },
    });
    const missing = path.join(folder, 'missing.onnx');
    expect(await failureOf(generate(missing, prompt))).toMatchObject({ code: 'FILE_NOT_FOUND' });

    const other = path.join(folder, 'other.onnx');
    const g = new GraphBuilder('other');
    g.output('y', g.relu(g.input('x', ['N', 4])), ['N', 4]);
    writeFileSync(other, g.encode());
    expect(await failureOf(generate(other, prompt))).toMatchObject({
      code: 'FILE_MALFORMED',
      message: expect.stringMatching(/its inputs are x\.$/) as string,
    });
    writeFileSync(other, 'no model');
    expect(await failureOf(generate(other, prompt))).toMatchObject({
      code: 'FILE_MALFORMED',
      details: { file: other },
    });

    const controller = new AbortController();
    const stopped = generate(
      model,
      prompt,
      { maxTokens: 1000 },
      {
        signal: controller.signal,
        progress: ({ done }) => void (done === 5 && controller.abort(new Error('stop'))),
      },
    );
    await expect(stopped).rejects.toThrow('stop');
  });
});
