import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import type { TensorShape } from '../../../src-main/core/formats/tensor.ts';
import { meanSquares, openImportance } from '../../../src-main/core/quantization/importance-file.ts';
import { writeImportance } from '../../../src-main/core/quantization/write-importance.ts';
import { quiet, thrownBy } from '../../worker/quantize-oracle.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'snug-importance-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = (): string => path.join(folder, `file-${files++}.gguf`);

interface Part {
  name: string;
  shape: number[];
  values: number[];
  type?: string;
}

/** An imatrix as other programs may write it. */
async function importanceOf(parts: Part[], type: string | null = 'imatrix'): Promise<string> {
  const file = newFile();
  const metadata = new GgufMetadata(file);
  if (type !== null) metadata.set('general.type', { type: 'string', value: type });
  const writer = await createGgufWriter(
    file,
    ggufLayout(
      metadata,
      parts.map((part) => ({ ...part, type: part.type ?? 'F32' })),
    ),
  );
  for (const part of parts) {
    const values = part.type === 'F64' ? Float64Array.from(part.values) : Float32Array.from(part.values);
    await writer.writeTensor(part.name, new Uint8Array(values.buffer));
  }
  await writer.finish();
  return file;
}

const dense: Part[] = [
  { name: 'blk.0.attn_q.weight.in_sum2', shape: [3], values: [2, 4, 6] },
  { name: 'blk.0.attn_q.weight.counts', shape: [1], values: [2] },
];

describe('openImportance', () => {
  it('gives means per slice, and ones where nothing was seen', async () => {
    const file = await openImportance(
      await importanceOf([
        { name: 'w.weight.in_sum2', shape: [2, 3], values: [10, 20, 0, 0, 1, 2] },
        { name: 'w.weight.counts', shape: [1, 3], values: [10, 0, 3] },
      ]),
    );
    const { means, unseenSlices } = await file.read('w.weight');
    expect([...means]).toEqual([1, 2, 1, 1, Math.fround(1 / 3), Math.fround(2 / 3)]);
    expect(unseenSlices).toBe(1);
    expect(file).toMatchObject({ names: ['w.weight'], datasets: [], chunkCount: 0, chunkSize: 0 });
    await file.close();
  });

  it.each<[string, Part[], string | null, object]>([
    ['another kind of file', dense, 'model', { code: 'FILE_MALFORMED', details: { actual: '"model"' } }],
    ['a file of no kind', dense, null, { code: 'FILE_MALFORMED' }],
    [
      'sums without counts',
      dense.slice(0, 1),
      'imatrix',
      { code: 'FILE_MALFORMED', details: { tensor: 'blk.0.attn_q.weight' } },
    ],
    [
      'counts without sums',
      dense.slice(1),
      'imatrix',
      { code: 'FILE_MALFORMED', details: { tensor: 'blk.0.attn_q.weight' } },
    ],
    [
      'no weights',
      [{ name: 'other', shape: [1], values: [1] }],
      'imatrix',
      { code: 'FILE_MALFORMED', details: { actual: 'none' } },
    ],
    [
      'float64',
      dense.map((part) => ({ ...part, type: 'F64' })),
      'imatrix',
      { code: 'FILE_MALFORMED', details: { actual: 'F64' } },
    ],
    [
      'a broken number of counts',
      [dense[0]!, { ...dense[1]!, shape: [2], values: [1, 1] }],
      'imatrix',
      { code: 'FILE_MALFORMED' },
    ],
  ])('refuses %s', async (_, parts, type, expected) => {
    const file = await importanceOf(parts, type);
    expect(await thrownBy(() => openImportance(file))).toMatchObject(expected);
  });

  it('explains the older form', async () => {
    const file = path.join(folder, 'old.dat');
    await writeFile(file, Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0));
    const error = await thrownBy(() => openImportance(file));
    expect(error).toMatchObject({ code: 'FILE_MALFORMED' });
    expect(error!.message).toContain('llama-imatrix --in-file');
    await writeFile(file, new Uint8Array(0));
    expect(await thrownBy(() => openImportance(file))).toMatchObject({ code: 'FILE_MALFORMED' });
  });
});

describe('checkBelongsTo', () => {
  const experts: Part[] = [
    { name: 'e.weight.in_sum2', shape: [4, 2], values: [1, 1, 1, 1, 1, 1, 1, 1] },
    { name: 'e.weight.counts', shape: [1, 2], values: [1, 1] },
  ];
  const check = async (parts: Part[], tensors: Omit<TensorShape, 'type'>[]) => {
    const file = await openImportance(await importanceOf(parts));
    const error = await thrownBy(() =>
      file.checkBelongsTo(
        tensors.map((tensor) => ({ ...tensor, type: 'F16' })),
        'model.gguf',
      ),
    );
    await file.close();
    return error;
  };

  it('accepts the model it was made from, with one count per slice or one for all', async () => {
    expect(
      await check(experts, [
        { name: 'e.weight', shape: [4, 7, 2] },
        { name: 'x.weight', shape: [3] },
      ]),
    ).toBeNull();
    const oneCount = [
      { ...experts[0]!, shape: [8] },
      { ...experts[1]!, shape: [1], values: [1] },
    ];
    expect(await check(oneCount, [{ name: 'e.weight', shape: [4, 7, 2] }])).toBeNull();
  });

  it('ignores inputs of views, which no quantiser asks for', async () => {
    const view = experts.map((part) => ({ ...part, name: part.name.replace('e.weight', 'e.weight (view)') }));
    expect(await check(view, [{ name: 'e.weight', shape: [4, 7, 2] }])).toBeNull();
  });

  it.each([
    ['another width', [5, 7, 2]],
    ['another number of experts', [4, 7, 3]],
    ['a matrix instead of experts', [8, 7]],
  ])('refuses %s', async (_, shape) => {
    expect(await check(experts, [{ name: 'e.weight', shape }])).toMatchObject({
      code: 'IMPORTANCE_MISMATCH',
      details: { tensor: 'e.weight', model: 'model.gguf', actual: { values: 8, counts: 2 } },
    });
  });

  it('refuses a weight that the model lacks', async () => {
    const error = await check(experts, [{ name: 'f.weight', shape: [4, 7, 2] }]);
    expect(error).toMatchObject({ code: 'IMPORTANCE_MISMATCH', details: { tensor: 'e.weight', expected: null } });
    expect(error!.message).toContain('no such tensor');
  });
});

describe('meanSquares', () => {
  const means = (sums: number[], counts: number[]) =>
    meanSquares({ file: 'f', name: 'w', sums: Float32Array.from(sums), counts: Float32Array.from(counts) });

  it('rounds counts as llama.cpp does', () => {
    expect([...means([3], [2.6]).means]).toEqual([1]);
    expect(means([3], [0.4])).toMatchObject({ unseenSlices: 1 });
  });

  it.each([
    [[NaN], [1], 'NON_FINITE'],
    [[1], [Infinity], 'NON_FINITE'],
    [[-1], [1], 'FILE_MALFORMED'],
  ])('refuses sums %j with counts %j', async (sums, counts, code) => {
    expect(await thrownBy(() => means(sums, counts))).toMatchObject({ code, details: { tensor: 'w' } });
  });
});

describe('writeImportance', () => {
  const entries = [
    { name: 'blk.1.ffn_up_exps.weight', columns: 2, slices: 2, offset: 5 },
    { name: 'blk.0.attn_q.weight', columns: 3, slices: 1, offset: 0 },
  ];
  const raw = (values: number[]) => memorySource('raw', new Uint8Array(Float32Array.from(values).buffer));
  const values = [2, 4, 6, 2, /* unused */ -1, 1, 2, 0, 0, 4, 0];
  const request = (change = {}) => ({
    raw: raw(values),
    entries,
    output: newFile(),
    datasets: ['stories', 'code'],
    chunks: 3,
    chunkSize: 512,
    signal: quiet.signal,
    ...change,
  });

  it('is laid out as llama-imatrix does it', async () => {
    const params = request();
    const { fileBytes, weights, unseenExperts } = await writeImportance(params);
    expect({ weights, unseenExperts }).toEqual({ weights: 2, unseenExperts: 1 });
    const gguf = await openGguf(params.output);
    expect(gguf.fileBytes).toBe(fileBytes);
    expect([...gguf.metadata.keys()]).toEqual([
      'general.type',
      'imatrix.datasets',
      'imatrix.chunk_count',
      'imatrix.chunk_size',
    ]);
    expect(gguf.tensors.map(({ name, type, shape }) => [name, type, shape])).toEqual([
      ['blk.0.attn_q.weight.in_sum2', 'F32', [3]],
      ['blk.0.attn_q.weight.counts', 'F32', [1]],
      ['blk.1.ffn_up_exps.weight.in_sum2', 'F32', [2, 2]],
      ['blk.1.ffn_up_exps.weight.counts', 'F32', [1, 2]],
    ]);
    await gguf.close();
  });

  it('reads back', async () => {
    const params = request();
    await writeImportance(params);
    const file = await openImportance(params.output);
    expect(file).toMatchObject({ datasets: ['stories', 'code'], chunkCount: 3, chunkSize: 512 });
    expect([...(await file.read('blk.0.attn_q.weight')).means]).toEqual([1, 2, 3]);
    expect([...(await file.read('blk.1.ffn_up_exps.weight')).means]).toEqual([0.25, 0.5, 1, 1]);
    await file.close();
  });

  it.each([
    [
      'a sum that is NaN',
      { raw: raw(values.with(1, NaN)) },
      { code: 'NON_FINITE', details: { tensor: 'blk.0.attn_q.weight' } },
    ],
    [
      'a negative sum',
      { raw: raw(values.with(1, -4)) },
      { code: 'FILE_MALFORMED', details: { tensor: 'blk.0.attn_q.weight' } },
    ],
    ['too few values', { raw: raw(values.slice(0, -1)) }, { code: 'FILE_MALFORMED' }],
    ['no entries', { entries: [] }, { code: 'USAGE' }],
    ['a cancelled call', { signal: AbortSignal.abort() }, { code: 'CANCELLED' }],
  ])('refuses %s and leaves no file', async (_, change, expected) => {
    const params = request(change);
    expect(await thrownBy(() => writeImportance(params))).toMatchObject(expected);
    expect(await thrownBy(() => openGguf(params.output))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
