import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { ggmlTypes } from '../../../src-main/core/formats/ggml-types.ts';
import { readGgufHeader } from '../../../src-main/core/formats/gguf-header.ts';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import type { GgufValue } from '../../../src-main/core/formats/gguf-values.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { StringList } from '../../../src-main/core/formats/string-list.ts';
import { architectures, fixtures, sampleModel } from '../../support/paths.ts';
import { failureOf, sha256, temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const golden = path.join(fixtures, 'gguf/llama-gqa-q8_0.gguf');
const copies = [
  golden,
  path.join(fixtures, 'gguf/llama3-rope-f32.gguf'),
  sampleModel,
  ...['deepseek2', 'gpt-oss', 'qwen35moe', 'qwen3moe'].map((name) => path.join(architectures ?? '', `${name}.gguf`)),
].filter((file) => existsSync(file));

describe('createGgufWriter', () => {
  it.each(copies)('writes %s again, byte for byte', async (file) => {
    const source = await openGguf(file);
    const layout = ggufLayout(source.metadata, source.tensors);
    expect(layout.tensors).toEqual(source.tensors);
    expect(layout.fileBytes).toBe(source.fileBytes);
    const output = path.join(folder, path.basename(file));
    const writer = await createGgufWriter(output, layout);
    for (const entry of source.tensors) await writer.writeTensor(entry.name, await source.read(entry));
    const written = await writer.finish();
    const bytes = await readFile(file);
    expect(written).toEqual({ fileBytes: bytes.length, sha256: sha256(bytes) });
    expect((await readFile(output)).equals(bytes)).toBe(true);
    await source.close();
  });

  it('writes tensors in any order and in pieces', async () => {
    const source = await openGguf(golden);
    const output = path.join(folder, 'pieces.gguf');
    const writer = await createGgufWriter(output, ggufLayout(source.metadata, source.tensors));
    for (const entry of source.tensors.toReversed()) {
      const half = Math.floor(entry.bytes / 2);
      await writer.writeTensor(
        entry.name,
        (async function* () {
          yield await source.read(entry, 0, half);
          yield await source.read(entry, half);
        })(),
      );
    }
    const bytes = await readFile(golden);
    expect((await writer.finish()).sha256).toBe(sha256(bytes));
    expect((await readFile(output)).equals(bytes)).toBe(true);
    await source.close();
  });

  it('leaves the complete file under its part name until it is committed', async () => {
    const output = path.join(folder, 'proved.gguf');
    const writer = await createGgufWriter(
      output,
      ggufLayout(new GgufMetadata('m'), [{ name: 'a', type: 'F32', shape: [2] }]),
    );
    await writer.writeTensor('a', new Uint8Array(8));
    await writer.complete();
    const model = await openGguf(writer.output.partPath);
    expect(model.tensors).toHaveLength(1);
    await model.close();
    expect(existsSync(output)).toBe(false);
    await writer.output.commit(`${output}.unproved`);
    expect(existsSync(`${output}.unproved`)).toBe(true);
    expect(existsSync(writer.output.partPath)).toBe(false);
  });

  it('gives up when what it is told does not fit the plan, and leaves nothing behind', async () => {
    const layout = ggufLayout(new GgufMetadata('m'), [
      { name: 'a', type: 'F32', shape: [8] },
      { name: 'b', type: 'F32', shape: [8] },
    ]);
    const output = path.join(folder, 'wrong.gguf');
    const mistakes: [(writer: Awaited<ReturnType<typeof createGgufWriter>>) => Promise<unknown>, RegExp][] = [
      [(writer) => writer.writeTensor('c', new Uint8Array(32)), /no tensor/],
      [(writer) => writer.writeTensor('a', new Uint8Array(31)), /31 bytes/],
      [(writer) => writer.writeTensor('a', [new Uint8Array(32), new Uint8Array(1)]), /33 bytes/],
      [
        (writer) => writer.writeTensor('a', new Uint8Array(32)).then(() => writer.writeTensor('a', new Uint8Array(32))),
        /before/,
      ],
      [
        (writer) => writer.writeTensor('a', new Uint8Array(32)).then(() => writer.finish()),
        /1 tensors were not written, b/,
      ],
    ];
    for (const [mistake, words] of mistakes) {
      const writer = await createGgufWriter(output, layout);
      const error = await failureOf(mistake(writer));
      expect(error.code).toBe('INTERNAL');
      expect(error.message).toMatch(words);
      expect(existsSync(writer.output.partPath)).toBe(false);
    }
    expect(existsSync(output)).toBe(false);
  });
});

describe('ggufLayout', () => {
  it('keeps a stated alignment, and states one that it is given', async () => {
    const tensors = [{ name: 'a', type: 'F32', shape: [3] }];
    const stated = new GgufMetadata('m').set('general.alignment', { type: 'uint32', value: 64 });
    expect(ggufLayout(stated, tensors).headerBytes % 64).toBe(0);
    const layout = ggufLayout(new GgufMetadata('m'), tensors, 256);
    expect(layout.fileBytes).toBe(512);
    const { alignment } = await readGgufHeader(memorySource('m', layout.header), { headerOnly: true });
    expect(alignment).toBe(256);
    expect(() => ggufLayout(stated, tensors, 12)).toThrow(RangeError);
  });

  it('refuses tensors that no reader would take', () => {
    const metadata = new GgufMetadata('m');
    expect(() => ggufLayout(metadata, [{ name: 'a', type: 'U8', shape: [1] }])).toThrow(/no type U8/);
    expect(() => ggufLayout(metadata, [{ name: 'a', type: 'Q4_K', shape: [128, 2] }])).toThrow(/multiples of 256/);
    expect(() => ggufLayout(metadata, [{ name: 'n'.repeat(64), type: 'F32', shape: [1] }])).toThrow(/63/);
    metadata.set('k', { type: 'array', itemType: 'uint64', value: new Uint8Array(1) });
    expect(() => ggufLayout(metadata, []).header).toThrow(/cannot hold/);
  });
});

const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed());
const key = fc.string({ minLength: 1, maxLength: 20 });

const fixedArrays = fc.oneof(
  fc.uint8Array().map((value) => ({ type: 'array' as const, itemType: 'uint8' as const, value })),
  fc.int16Array().map((value) => ({ type: 'array' as const, itemType: 'int16' as const, value })),
  fc.uint32Array().map((value) => ({ type: 'array' as const, itemType: 'uint32' as const, value })),
  fc.float32Array().map((value) => ({ type: 'array' as const, itemType: 'float32' as const, value })),
  fc.float64Array().map((value) => ({ type: 'array' as const, itemType: 'float64' as const, value })),
  fc.bigInt64Array().map((value) => ({ type: 'array' as const, itemType: 'int64' as const, value })),
  fc.uint8Array({ max: 1 }).map((value) => ({ type: 'array' as const, itemType: 'bool' as const, value })),
  fc
    .array(fc.oneof(text, fc.uint8Array({ maxLength: 8 })))
    .map((items) => ({ type: 'array' as const, itemType: 'string' as const, value: StringList.from(items) })),
);

const value: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((number) => ({ type: 'uint8' as const, value: number })),
  fc.integer({ min: -128, max: 127 }).map((number) => ({ type: 'int8' as const, value: number })),
  fc.integer({ min: 0, max: 65535 }).map((number) => ({ type: 'uint16' as const, value: number })),
  fc.integer({ min: -32768, max: 32767 }).map((number) => ({ type: 'int16' as const, value: number })),
  fc.nat({ max: 2 ** 32 - 1 }).map((number) => ({ type: 'uint32' as const, value: number })),
  fc.integer().map((number) => ({ type: 'int32' as const, value: number })),
  fc.float().map((number) => ({ type: 'float32' as const, value: number })),
  fc.double().map((number) => ({ type: 'float64' as const, value: number })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((number) => ({ type: 'uint64' as const, value: number })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((number) => ({ type: 'int64' as const, value: number })),
  fc.boolean().map((flag) => ({ type: 'bool' as const, value: flag })),
  text.map((string) => ({ type: 'string' as const, value: string })),
  fixedArrays,
  fc
    .array(fixedArrays, { maxLength: 3 })
    .map((items) => ({ type: 'array' as const, itemType: 'array' as const, value: items })),
);

const tensor = fc
  .record({
    name: fc.string({ maxLength: 15 }),
    type: fc.constantFrom(...ggmlTypes),
    blocks: fc.nat({ max: 3 }),
    rows: fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
  })
  .map(({ name, type, blocks, rows }) => ({ name, type: type.name, shape: [blocks * type.blockSize, ...rows] }));

describe('writing and reading', () => {
  it('gives back any metadata and any tensors', async () => {
    const metadatas = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 8 });
    const tensorLists = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(metadatas, tensorLists, fc.constantFrom(8, 32, 128), async (entries, tensors, alignment) => {
        const layout = ggufLayout(new GgufMetadata('m', entries), tensors, alignment);
        const file = new Uint8Array(layout.fileBytes);
        file.set(layout.header);
        const read = await readGgufHeader(memorySource('m', file));
        expect([...read.metadata]).toEqual([...layout.metadata]);
        expect(read.tensors).toEqual(layout.tensors);
        // And once more: what was read is written to the same bytes.
        expect(ggufLayout(read.metadata, read.tensors, alignment).header).toEqual(layout.header);
      }),
      { numRuns: 200 },
    );
  });
});
