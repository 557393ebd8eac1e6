import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { readSafetensorsHeader, safetensorsTypes } from '../../../src-main/core/formats/safetensors-header.ts';
import { safetensorsLayout } from '../../../src-main/core/formats/safetensors-layout.ts';
import { openSafetensors } from '../../../src-main/core/formats/safetensors-reader.ts';
import { createSafetensorsWriter } from '../../../src-main/core/formats/safetensors-writer.ts';
import type { SafetensorsOptions } from '../../../src-main/core/formats/safetensors-writer.ts';
import { fixtures, sampleFolder } from '../../support/paths.ts';
import { failureOf, sha256, temporaryFolder } from './temporary-folder.ts';

const scratch = temporaryFolder();
const sample = path.join(sampleFolder, 'model.safetensors');
const matrix = path.join(fixtures, 'quant/matrix.safetensors');
let folder = '';
let folders = 0;

beforeEach(() => {
  folders += 1;
  folder = path.join(scratch, String(folders));
});

/** Writes all tensors of `file` into `folder` again. */
async function rewrite(file: string, options: SafetensorsOptions) {
  const source = await openSafetensors(file);
  try {
    const writer = await createSafetensorsWriter(folder, source.tensors, options);
    for (const entry of source.tensors) await writer.writeTensor(entry.name, await source.read(entry));
    return await writer.finish();
  } finally {
    await source.close();
  }
}

async function contents(place: string): Promise<Record<string, unknown>> {
  const files = await openSafetensors(place);
  const entries = await Promise.all(
    files.tensors.map(
      async (entry) =>
        [entry.name, { type: entry.type, shape: entry.shape, sha: sha256(await files.read(entry)) }] as const,
    ),
  );
  await files.close();
  return Object.fromEntries(entries);
}

/** A file with this header text and so many data bytes. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
  return Buffer.concat([length, json, new Uint8Array(dataBytes)]);
}

describe('safetensors files', () => {
  it('are read with the fastest dimension first', async () => {
    const files = await openSafetensors(matrix);
    expect(files.tensors).toMatchObject([{ name: 'x', type: 'F32', shape: [512, 256], bytes: 524288 }]);
    const half = await files.read(files.tensors[0]!, 262144);
    const target = new Uint8Array(262144);
    await files.readInto(files.tensors[0]!, target, 262144);
    expect(target).toEqual(half);
    await files.close();
  });

  it('come back the same from one file', async () => {
    const written = await rewrite(sample, { metadata: { format: 'pt' } });
    const file = path.join(folder, 'model.safetensors');
    expect(written).toEqual([
      { path: file, fileBytes: expect.any(Number) as number, sha256: sha256(await readFile(file)) },
    ]);
    expect(await contents(folder)).toEqual(await contents(sample));
    const files = await openSafetensors(folder);
    expect(files.metadata.get('format')).toBe('pt');
    await files.close();
  });

  it('come back the same from shards with an index', async () => {
    const written = await rewrite(sample, { maxShardBytes: 3e6 });
    expect(written.length).toBeGreaterThan(3);
    expect(readdirSync(folder)).toHaveLength(written.length + 1);
    for (const { fileBytes } of written) expect(fileBytes).toBeLessThan(3.1e6);
    expect(await contents(folder)).toEqual(await contents(sample));
    const index = JSON.parse(await readFile(path.join(folder, 'model.safetensors.index.json'), 'utf8')) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    // F16 matrices, and F32 norms of 13 x 256.
    expect(index.metadata.total_size).toBe(6819072 * 2 + 13 * 256 * 2);
    expect(new Set(Object.values(index.weight_map))).toEqual(
      new Set(written.map(({ path: file }) => path.basename(file))),
    );
  });

  it('are replaced only when told to, also by the other form', async () => {
    await rewrite(matrix, {});
    expect((await failureOf(rewrite(matrix, {}))).code).toBe('OUTPUT_EXISTS');
    await rewrite(sample, { force: true, maxShardBytes: 3e6 });
    expect(existsSync(path.join(folder, 'model.safetensors'))).toBe(false);
    expect((await failureOf(rewrite(matrix, {}))).code).toBe('OUTPUT_EXISTS');
    await rewrite(matrix, { force: true });
    expect(await contents(folder)).toEqual(await contents(matrix));
  });

  it('leave nothing behind when writing fails', async () => {
    const tensors = [
      { name: 'a', type: 'F32', shape: [2] },
      { name: 'b', type: 'F32', shape: [2] },
    ];
    const writer = await createSafetensorsWriter(folder, tensors, { maxShardBytes: 8 });
    await writer.writeTensor('a', new Uint8Array(8));
    expect((await failureOf(writer.writeTensor('c', new Uint8Array(8)))).code).toBe('INTERNAL');
    expect(existsSync(folder)).toBe(false);
    const unfinished = await createSafetensorsWriter(folder, tensors, { maxShardBytes: 8 });
    await unfinished.writeTensor('a', new Uint8Array(8));
    expect((await failureOf(unfinished.finish())).message).toContain('b');
    expect(existsSync(folder)).toBe(false);
    const error = await failureOf(createSafetensorsWriter(folder, [{ name: 'a', type: 'Q4_K', shape: [256] }]));
    expect(error.code).toBe('UNSUPPORTED_TYPE');
  });
});

describe('sharded folders', () => {
  it('name a shard that is missing', async () => {
    const written = await rewrite(sample, { maxShardBytes: 3e6 });
    const missing = written[1]!.path;
    await rm(missing);
    expect(await failureOf(openSafetensors(folder))).toMatchObject({
      code: 'FILE_NOT_FOUND',
      details: { path: missing },
    });
  });

  it.each([
    ['a tensor that its shard does not have', { a: 'one.safetensors', x: 'one.safetensors' }, /x/],
    ['a path out of the folder', { a: '../one.safetensors' }, /beside/],
    ['a name that is none', { a: 7 }, /beside/],
  ])('are refused with %s', async (_name, map, words) => {
    await mkdir(folder);
    await copyFile(path.join(fixtures, 'hostile/ok.safetensors'), path.join(folder, 'one.safetensors'));
    await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    const error = await failureOf(openSafetensors(folder));
    expect(error.code).toBe('FILE_MALFORMED');
    expect(error.message).toMatch(words);
  });

  it('are refused without weights, and with several files and no index', async () => {
    await mkdir(folder);
    expect((await failureOf(openSafetensors(folder))).code).toBe('FILE_NOT_FOUND');
    await copyFile(matrix, path.join(folder, 'one.safetensors'));
    await (await openSafetensors(folder)).close();
    await copyFile(matrix, path.join(folder, 'two.safetensors'));
    expect(await failureOf(openSafetensors(folder))).toMatchObject({ code: 'USAGE' });
  });
});

describe('readSafetensorsHeader', () => {
  it.each([
    ['a file of 7 bytes', new Uint8Array(7), /8 bytes or more/],
    ['a list', fileOf([]), /JSON object/],
    ['a gap between tensors', fileOf({ a: { dtype: 'U8', shape: [1], data_offsets: [1, 2] } }, 2), /gap/],
    ['bytes behind the last tensor', fileOf({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, 2), /2 bytes/],
    ['a tensor that is no object', fileOf({ a: 7 }), /an object with/],
    ['a shape of fractions', fileOf({ a: { dtype: 'U8', shape: [1.5], data_offsets: [0, 1] } }, 1), /a shape/],
    ['a negative size', fileOf({ a: { dtype: 'U8', shape: [-1], data_offsets: [0, 1] } }, 1), /a shape/],
    [
      'a shape that overflows',
      fileOf({ a: { dtype: 'U8', shape: [2 ** 50, 2 ** 50], data_offsets: [0, 1] } }, 1),
      /Infinity/,
    ],
    ['three offsets', fileOf({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1, 2] } }, 1), /two numbers/],
    ['no offsets', fileOf({ a: { dtype: 'U8', shape: [1] } }, 1), /two numbers, found nothing/],
    ['metadata that is not text', fileOf({ __metadata__: { a: 1 } }), /object of strings/],
    [
      'a key twice inside a tensor',
      fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"\\u0064type":"I8"}}'),
      /twice/,
    ],
  ])('refuses %s', async (_name, bytes, words) => {
    const error = await failureOf(readSafetensorsHeader(memorySource('test.safetensors', bytes)));
    expect(error.code).toBe('FILE_MALFORMED');
    expect(error.message).toMatch(words);
  });

  it('gives back any tensors', async () => {
    const tensor = fc.record({
      name: fc.string({ maxLength: 8 }).filter((name) => name !== '__metadata__'),
      type: fc.constantFrom(...safetensorsTypes.keys()),
      shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    });
    const tensorLists = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 8 });
    const metadatas = fc.dictionary(fc.string({ maxLength: 6 }), fc.string(), { maxKeys: 3, noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(tensorLists, metadatas, async (tensors, metadata) => {
        const layout = safetensorsLayout(tensors, metadata);
        const file = new Uint8Array(layout.fileBytes);
        file.set(layout.header);
        const read = await readSafetensorsHeader(memorySource('m', file));
        expect(new Set(read.tensors)).toEqual(new Set(layout.tensors));
        expect(Object.fromEntries(read.metadata)).toEqual(metadata);
        for (const { type, offset } of read.tensors) expect(offset % safetensorsTypes.get(type)!).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
