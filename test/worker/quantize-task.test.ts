// The quantize and checkWeights tasks on files that are small, damaged or impossible.
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { createGgufWriter, ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import { GgufMetadata } from '../../src-main/core/formats/gguf-values.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { sampleModel } from '../support/paths.ts';
import { makeImportance, quiet, seededNumbers, sha256Of, temporaryFolder, thrownBy } from './quantize-oracle.ts';

const folder = temporaryFolder();
let importance: string;
beforeAll(async () => {
  importance = await makeImportance(sampleModel, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

type Request = Parameters<typeof handlers.quantize>[0];

function request(change: Partial<Request> = {}): Request {
  return {
    source: sampleModel,
    output: freshOutput(),
    types: {},
    fileType: null,
    importance: null,
    threads: 2,
    ...change,
  };
}

let outputs = 0;
/** A name in a folder of its own, so that a left-over shows. */
function freshOutput(): string {
  const own = path.join(folder, `output-${outputs++}`);
  mkdirSync(own);
  return path.join(own, 'model.gguf');
}

function expectNothingWritten(output: string): void {
  expect(readdirSync(path.dirname(output))).toEqual([]);
}

interface SmallTensor {
  name: string;
  shape: number[];
  /** Element -> value; the others are seeded. */
  spoiled?: Record<number, number>;
}

async function smallModel(tensors: SmallTensor[], name = 'small.gguf'): Promise<string> {
  const file = path.join(folder, name);
  rmSync(file, { force: true });
  const metadata = new GgufMetadata(file).set('general.architecture', { type: 'string', value: 'llama' });
  const writer = await createGgufWriter(
    file,
    ggufLayout(
      metadata,
      tensors.map((tensor) => ({ ...tensor, type: 'F32' })),
    ),
  );
  for (const { name: tensor, shape, spoiled = {} } of tensors) {
    const next = seededNumbers(1);
    const values = Float32Array.from(
      { length: shape.reduce((product, size) => product * size, 1) },
      () => next() - 0.5,
    );
    for (const [element, value] of Object.entries(spoiled)) values[Number(element)] = value;
    await writer.writeTensor(tensor, new Uint8Array(values.buffer));
  }
  await writer.finish();
  return file;
}

describe('quantize', () => {
  it('copies tensors whose type stays byte for byte, and says so in numbers', async () => {
    const params = request({ types: { 'blk.0.attn_q.weight': 'q8_0', 'blk.0.attn_k.weight': 'F16' } });
    const progress: Progress[] = [];
    const result = await handlers.quantize(params, { ...quiet, progress: (report) => progress.push(report) });
    const [before, after] = [await openGguf(sampleModel), await openGguf(params.output)];
    for (const tensor of after.tensors) {
      const source = before.tensors.find(({ name }) => name === tensor.name)!;
      if (tensor.name === 'blk.0.attn_q.weight') expect(tensor.type).toBe('Q8_0');
      else expect(Buffer.compare(await after.read(tensor), await before.read(source))).toBe(0);
    }
    expect(result).toMatchObject({
      fileBytes: after.fileBytes,
      sha256: await sha256Of(params.output),
      unseenExperts: 0,
      requantized: 0,
    });
    expect(result.peakMemoryBytes).toBeGreaterThan(2 ** 24);
    const last = progress.at(-1)!;
    expect(last).toMatchObject({ stage: 'quantize', unit: 'bytes', secondsLeft: 0 });
    expect(last.done).toBe(last.total);
    expect(last.perSecond).toBeGreaterThan(0);
    await Promise.all([before.close(), after.close()]);
  });

  it('keeps the file type of the source unless told another', async () => {
    const kept = request();
    await handlers.quantize(kept, quiet);
    const other = request({ fileType: 15 });
    await handlers.quantize(other, quiet);
    const fileTypes = [];
    for (const file of [sampleModel, kept.output, other.output]) {
      const model = await openGguf(file);
      fileTypes.push(model.metadata.integer('general.file_type'));
      await model.close();
    }
    expect(fileTypes).toEqual([1, 1, 15]);
  });

  it('writes the same file with 1, 2 and 5 threads', async () => {
    const types = { 'blk.0.ffn_up.weight': 'Q4_K', 'blk.1.ffn_up.weight': 'Q5_0', 'token_embd.weight': 'Q6_K' };
    const results = [];
    for (const threads of [1, 2, 5])
      results.push(await handlers.quantize(request({ types, threads, importance }), quiet));
    expect(new Set(results.map(({ sha256 }) => sha256)).size).toBe(1);
  });

  it('names tensor, element and value that are not finite, in converted and in copied tensors', async () => {
    const element = 3 * 256 + 7;
    const source = await smallModel([
      { name: 'a.weight', shape: [256, 8] },
      { name: 'b.weight', shape: [256, 8], spoiled: { [element]: NaN } },
    ]);
    const choices: Record<string, string>[] = [{ 'a.weight': 'Q8_0' }, { 'a.weight': 'Q8_0', 'b.weight': 'Q8_0' }];
    for (const types of choices) {
      const params = request({ source, types });
      const error = await thrownBy(() => handlers.quantize(params, quiet));
      expect(error).toMatchObject({
        code: 'NON_FINITE',
        details: { tensor: 'b.weight', element, position: [7, 3], value: 'NaN' },
      });
      expect(error!.message).toContain('b.weight');
      expectNothingWritten(params.output);
    }
    expect(await thrownBy(() => handlers.checkWeights({ source, threads: 2 }, quiet))).toMatchObject({
      code: 'NON_FINITE',
      details: { tensor: 'b.weight', element },
    });
  });

  it('names the value that has no finite form in the target', async () => {
    const source = await smallModel([{ name: 'a.weight', shape: [256, 8], spoiled: { 300: 70000 } }]);
    const error = await thrownBy(() => handlers.quantize(request({ source, types: { 'a.weight': 'F16' } }), quiet));
    expect(error).toMatchObject({
      code: 'NON_FINITE',
      details: { tensor: 'a.weight', element: 300, targetType: 'F16' },
    });
  });

  it.each<[string, Partial<Request>, object]>([
    [
      'a tensor that is not there',
      { types: { 'blk.99.attn_q.weight': 'Q8_0' } },
      { code: 'USAGE', details: { tensor: 'blk.99.attn_q.weight' } },
    ],
    [
      'an unknown type',
      { types: { 'blk.0.attn_q.weight': 'Q9_9' } },
      { code: 'UNSUPPORTED_TYPE', details: { targetType: 'Q9_9' } },
    ],
    ['a type that nothing writes', { types: { 'blk.0.attn_q.weight': 'Q8_K' } }, { code: 'UNSUPPORTED_TYPE' }],
    [
      'a type that needs importance',
      { types: { 'blk.0.attn_q.weight': 'IQ3_XXS' } },
      { code: 'IMPORTANCE_MISSING', details: { tensor: 'blk.0.attn_q.weight' } },
    ],
    ['Q2_K within Q2_K_S', { types: { 'blk.0.attn_q.weight': 'Q2_K' }, fileType: 21 }, { code: 'IMPORTANCE_MISSING' }],
    ['a source that is not there', { source: '/nowhere/model.gguf' }, { code: 'FILE_NOT_FOUND' }],
    ['importance that is not there', { importance: '/nowhere/model.imatrix' }, { code: 'FILE_NOT_FOUND' }],
  ])('refuses %s and writes nothing', async (_, change, expected) => {
    const params = request(change);
    expect(await thrownBy(() => handlers.quantize(params, quiet))).toMatchObject(expected);
    expectNothingWritten(params.output);
  });

  it('refuses rows that are no whole number of blocks', async () => {
    const source = await smallModel([{ name: 'odd.weight', shape: [96, 4] }]);
    const error = await thrownBy(() => handlers.quantize(request({ source, types: { 'odd.weight': 'Q4_K' } }), quiet));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_TYPE', details: { tensor: 'odd.weight', shape: [96, 4] } });
  });

  it('refuses importance of another model', async () => {
    const source = await smallModel([{ name: 'blk.0.attn_q.weight', shape: [512, 4] }]);
    const error = await thrownBy(() => handlers.quantize(request({ source, importance }), quiet));
    expect(error).toMatchObject({ code: 'IMPORTANCE_MISMATCH' });
  });

  it('never replaces a file, the source least of all', async () => {
    const source = await smallModel([{ name: 'a.weight', shape: [256, 4] }], 'precious.gguf');
    const before = await sha256Of(source);
    expect(await thrownBy(() => handlers.quantize(request({ source, output: source }), quiet))).toMatchObject({
      code: 'OUTPUT_EXISTS',
    });
    expect(await sha256Of(source)).toBe(before);
  });

  it('asks for the whole space before it writes', async () => {
    const source = await hugeModel();
    const params = request({ source, types: { 'huge.weight': 'F16' } });
    const error = await thrownBy(() => handlers.quantize(params, quiet));
    expect(error).toMatchObject({
      code: 'DISK_FULL',
      details: { needed: expect.any(Number), free: expect.any(Number) },
    });
    expectNothingWritten(params.output);
  });

  it('tells when the source ends early', async () => {
    const source = await smallModel([{ name: 'a.weight', shape: [256, 8] }], 'cut.gguf');
    truncateSync(source, 2000);
    expect(
      await thrownBy(() => handlers.quantize(request({ source, types: { 'a.weight': 'Q8_0' } }), quiet)),
    ).toMatchObject({ code: 'FILE_MALFORMED' });
  });

  it('stops within 2 s of a cancel and leaves no file', async () => {
    const params = request({ types: { 'token_embd.weight': 'IQ3_S' }, threads: 1 });
    const controller = new AbortController();
    const running = thrownBy(() => handlers.quantize(params, { signal: controller.signal, progress: () => {} }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const start = performance.now();
    controller.abort();
    expect(await running).toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - start).toBeLessThan(2000);
    expectNothingWritten(params.output);
    expect(existsSync(sampleModel)).toBe(true);
  });
});

/** A sparse file that claims 4 TB of F32 in one tensor. */
async function hugeModel(): Promise<string> {
  const file = path.join(folder, 'huge.gguf');
  const metadata = new GgufMetadata(file).set('general.architecture', { type: 'string', value: 'llama' });
  const layout = ggufLayout(metadata, [{ name: 'huge.weight', type: 'F32', shape: [2 ** 20, 2 ** 20] }]);
  await writeFile(file, layout.header);
  truncateSync(file, layout.fileBytes);
  return file;
}

describe('checkWeights', () => {
  it('reads every tensor', async () => {
    const model = await openGguf(sampleModel);
    await model.close();
    const bytes = model.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    expect(await handlers.checkWeights({ source: sampleModel, threads: 2 }, quiet)).toEqual({
      tensors: model.tensors.length,
      bytes,
    });
  });

  it('can be cancelled', async () => {
    const controller = new AbortController();
    controller.abort();
    expect(
      await thrownBy(() =>
        handlers.checkWeights({ source: sampleModel, threads: 1 }, { signal: controller.signal, progress: () => {} }),
      ),
    ).toMatchObject({
      code: 'CANCELLED',
    });
  });
});
