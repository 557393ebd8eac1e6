// Exported ONNX models in stock onnxruntime against golden/models and golden/gguf (float64, transformers).
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import { writeOnnxModel } from '../../../src-main/core/export/onnx/write-onnx-model.ts';
import type { OnnxRequest, OnnxResult } from '../../../src-main/core/export/onnx/write-onnx-model.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { nativeDequantizer } from '../../../src-main/worker/native/native-dequantizer.ts';
import type { ProtobufField } from '../../../src-main/core/tokens/protobuf-reader.ts';
import { protobufFields } from '../../../src-main/core/tokens/protobuf-reader.ts';
import { furthest, goldenModels, goldenTokens, otherLayouts, readFloat64 } from '../../support/golden-models.ts';
import { openOnnxDecoder } from '../../support/onnx-decoder.ts';
import type { Cache, OnnxDecoder } from '../../support/onnx-decoder.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { fixtures } from '../../support/paths.ts';
import { failureOf, sha256 } from '../formats/temporary-folder.ts';
import { newPath } from './folders.ts';

const dequantize = nativeDequantizer(1);
const opened: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const model of opened) await model.close();
});

type Exported = OnnxResult & { decoder: Decoder; output: string };

async function exported(file: string, more: Partial<OnnxRequest> = {}): Promise<Exported> {
  const decoder = await decoderOf(file);
  const output = newPath('model.onnx');
  const signal = new AbortController().signal;
  const request = { decoder, output, type: 'F32' as const, dequantize, signal, progress: () => {}, ...more };
  return { ...(await writeOnnxModel(request)), decoder, output };
}

async function opening({ output, decoder }: Pick<Exported, 'output' | 'decoder'>): Promise<OnnxDecoder> {
  const found = await openOnnxDecoder(output, decoder.config);
  opened.push({ close: () => found.session.release() });
  return found;
}

const gqa = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');
/** Any ids below 256. */
const someIds = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, index) => (seed * 37 + index * 101 + index * index * 7) % 256);
/** Rows [from, to) of logits [T, V]. */
const rowsOf = (logits: Float32Array, { decoder }: Exported, from: number, to = Infinity): Float32Array =>
  logits.subarray(from * decoder.config.vocabSize, to * decoder.config.vocabSize);
/** Logits of the last eight positions of two windows, as the references have them. */
async function lastLogits(model: Exported, name: string): Promise<number[]> {
  const onnx = await opening(model);
  const windows = goldenTokens(name).slice(0, 2);
  const { length } = windows[0]!;
  const { logits, shape } = await onnx.run(windows.map((window) => [...window]));
  expect(shape).toEqual([2, length, model.decoder.config.vocabSize]);
  return [1, 2].flatMap((row) => Array.from(rowsOf(logits, model, row * length - 8, row * length)));
}

describe.skipIf(!goldenModels)('prefill of golden models', () => {
  test.each(['llama-gqa', 'llama-tied', 'qwen2', 'mistral', 'qwen3', 'llama3-rope', ...otherLayouts])(
    '%s',
    async (name) => {
      const folder = path.join(goldenModels!, name);
      const found = await lastLogits(await exported(folder), name);
      expect(furthest(found, readFloat64(path.join(folder, 'dense.safetensors'), 'logits'))).toBeLessThan(1e-4);
    },
  );

  // Rows of q and k in pairs, rope_freqs, block types.
  test.each([
    ['llama-gqa-f32', 'llama-gqa'],
    ['llama-gqa-q8_0', 'llama-gqa'],
    ['llama3-rope-f32', 'llama3-rope'],
  ])('%s.gguf', async (name, tokens) => {
    const found = await lastLogits(await exported(path.join(fixtures, `gguf/${name}.gguf`)), tokens);
    const expected = readFloat64(path.join(fixtures, 'gguf/logits.safetensors'), `${name}.logits`);
    expect(furthest(found, expected)).toBeLessThan(1e-4);
  });
});

describe('the cache', () => {
  const families = goldenModels
    ? ['llama-gqa', 'qwen2', 'qwen3', ...otherLayouts].map((name) => [name, path.join(goldenModels!, name)] as const)
    : [['llama-gqa', gqa] as const];

  test.each(families)('prefill and steps are a prefill of all: %s', async (_, file) => {
    const model = await exported(file);
    const onnx = await opening(model);
    const ids = someIds(20, 3);
    const whole = await onnx.run([ids]);
    const found: number[] = [];
    let cache: Cache | undefined;
    for (const [from, to] of [
      [0, 9],
      [9, 10],
      [10, 15],
      [15, 16],
      [16, 20],
    ] as const) {
      const step = await onnx.run([ids.slice(from, to)], { cache });
      expect(step.cache['past_key_values.0.key']!.dims[2]).toBe(to);
      found.push(...step.logits);
      ({ cache } = step);
    }
    expect(furthest(found, whole.logits)).toBeLessThan(1e-4);
    expect(furthest(await dataOf(cache!), await dataOf(whole.cache))).toBeLessThan(1e-4);
  });

  test.each(families)('a batch with padding on the left is its rows by themselves: %s', async (_, file) => {
    const model = await exported(file);
    const onnx = await opening(model);
    const [long, short] = [someIds(12, 1), someIds(7, 2)];
    const padded = [...Array.from({ length: 5 }, () => 11), ...short];
    const mask = (length: number): number[][] => [
      Array.from({ length }, () => 1),
      Array.from({ length }, (_, index) => (index < 5 ? 0 : 1)),
    ];
    const both = await onnx.run([long, padded], { mask: mask(12) });
    const [one, other] = [await onnx.run([long]), await onnx.run([short])];
    expect(furthest(rowsOf(both.logits, model, 0, 12), one.logits)).toBeLessThan(1e-4);
    expect(furthest(rowsOf(both.logits, model, 17), other.logits)).toBeLessThan(1e-4);
    expect(both.logits.every(Number.isFinite)).toBe(true);

    const next = await onnx.run([[5], [6]], { cache: both.cache, mask: mask(13) });
    const alone = await onnx.run([[6]], { cache: other.cache });
    expect(furthest(rowsOf(next.logits, model, 1), alone.logits)).toBeLessThan(1e-4);
  });
});

async function dataOf(cache: Cache): Promise<number[]> {
  return Object.keys(cache)
    .toSorted()
    .flatMap((name) => Array.from(cache[name]!.data as Float32Array));
}

describe('the files', () => {
  test('weights beside the model give the same, and a checksum that sha256sum gives', async () => {
    const embedded = await exported(gqa);
    const told: number[] = [];
    const external = await exported(gqa, {
      maxEmbeddedBytes: 0,
      progress: ({ done, total }) => void told.push(done / total),
    });
    expect(told.at(-1)).toBe(1);
    expect(embedded.files).toEqual([embedded.output]);
    expect(external.files).toEqual([external.output, `${external.output}.data`]);
    expect(statSync(external.output).size).toBeLessThan(embedded.fileBytes / 10);
    const ids = someIds(16, 4);
    const [one, other] = [await opening(embedded), await opening(external)];
    expect((await other.run([ids])).logits).toEqual((await one.run([ids])).logits);

    for (const { files, fileBytes, sha256: sum } of [embedded, external]) {
      const contents = files.map((file) => readFileSync(file));
      const lines = contents.map((content, index) => `${sha256(content)}  ${path.basename(files[index]!)}\n`);
      expect(sum).toBe(contents.length === 1 ? sha256(contents[0]!) : sha256(Buffer.from(lines.join(''))));
      expect(fileBytes).toBe(contents.reduce((bytes, content) => bytes + content.length, 0));
    }
  });

  test('F16 is the F16 weights in float32 arithmetic', async () => {
    const half = await exported(gqa, { type: 'F16' });
    // The same function from a float32 model whose matrices were rounded to F16 before.
    const rounded = newPath('rounded.gguf');
    await changeMatrices(gqa, rounded, Math.f16round);
    const expected = await exported(rounded);
    const ids = someIds(16, 5);
    const [found, wanted] = [await (await opening(half)).run([ids]), await (await opening(expected)).run([ids])];
    expect(furthest(found.logits, wanted.logits)).toBeLessThan(1e-4);
    expect(half.fileBytes / expected.fileBytes).toBeLessThan(0.65);
  });

  test('only operators of ai.onnx, opset 21', async () => {
    const { output } = await exported(gqa, { type: 'F16', maxEmbeddedBytes: 0 });
    const model = [...protobufFields(readFileSync(output), output)];
    const inside = (number: number, fields: ProtobufField[]): ProtobufField[][] =>
      fields.flatMap((field) =>
        field.number === number && field.wire === 'bytes' ? [[...protobufFields(field.value, output)]] : [],
      );
    const opsets = inside(8, model).map((fields) => fields.find(({ number }) => number === 2)?.value);
    expect(opsets).toEqual([21]);
    const graph = inside(7, model)[0]!;
    const textsOf = (fields: ProtobufField[], wanted: number): string[] =>
      fields.flatMap(({ number, value }) => (number === wanted ? [Buffer.from(value as Uint8Array).toString()] : []));
    const domains = new Set(inside(1, graph).flatMap((node) => textsOf(node, 7)));
    expect([...domains]).toEqual(['']);
  });

  test('a file that is there stays unless forced; a cancel or a value too large leaves nothing', async () => {
    const { output, decoder } = await exported(gqa);
    const before = readFileSync(output);
    const request = { decoder, output, type: 'F32' as const, dequantize, progress: () => {} };
    const { signal } = new AbortController();
    expect((await failureOf(writeOnnxModel({ ...request, signal }))).code).toBe('OUTPUT_EXISTS');
    const forced = await writeOnnxModel({ ...request, signal, force: true });
    expect(readFileSync(output)).toEqual(before);
    expect(forced.sha256).toBe(sha256(before));

    const folder = path.dirname(newPath('x'));
    const controller = new AbortController();
    const cancelled = writeOnnxModel({
      ...request,
      output: path.join(folder, 'a.onnx'),
      maxEmbeddedBytes: 0,
      signal: controller.signal,
      progress: () => controller.abort(),
    });
    expect((await failureOf(cancelled)).code).toBe('CANCELLED');
    expect(readdirSync(folder)).toEqual([]);

    const large = newPath('large.gguf');
    await changeMatrices(gqa, large, (value) => value * 1e6);
    const overflowing = exported(large, { type: 'F16', output: path.join(folder, 'a.onnx') });
    expect(await failureOf(overflowing)).toMatchObject({
      code: 'NON_FINITE',
      message: expect.stringMatching(/has no finite form in F16/) as string,
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** Writes an F32 GGUF again with other matrices. */
async function changeMatrices(file: string, output: string, change: (value: number) => number): Promise<void> {
  const model = await openModel(file);
  const writer = await createGgufWriter(output, ggufLayout(model.gguf!.metadata, model.tensors));
  for (const entry of model.tensors) {
    const values = new Float32Array((await model.read(entry)).slice().buffer);
    const changed = entry.shape.length === 1 ? values : values.map(change);
    await writer.writeTensor(entry.name, new Uint8Array(changed.buffer));
  }
  await writer.finish();
  await model.close();
}
