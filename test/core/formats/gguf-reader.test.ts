import { readFileSync } from 'node:fs';
import { copyFile, open, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { readGgufHeader } from '../../../src-main/core/formats/gguf-header.ts';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { fixtures } from '../../support/paths.ts';
import { GgufBuilder } from './gguf-builder.ts';
import { failureOf, sha256, temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const golden = path.join(fixtures, 'gguf');

interface ReferenceFile {
  bytes: number;
  n_kv: number;
  alignment: number;
  tensors: Record<string, { type: string; ne: number[]; offset_in_file: number; n_bytes: number; sha256: string }>;
}

/** Written by gguf-py 0.19.0: its own account of the files. */
const { made_with: _, ...references } = JSON.parse(readFileSync(path.join(golden, 'reference.json'), 'utf8')) as {
  made_with: string;
} & Record<string, ReferenceFile>;

function header(bytes: Uint8Array) {
  return readGgufHeader(memorySource('test.gguf', bytes));
}

describe('openGguf', () => {
  it.each(Object.entries(references as Record<string, ReferenceFile>))(
    'reads %s as gguf-py does',
    async (name, reference) => {
      const model = await openGguf(path.join(golden, name));
      expect(model).toMatchObject({ version: 3, alignment: reference.alignment, fileBytes: reference.bytes });
      expect(model.metadata.size).toBe(reference.n_kv);
      expect(model.tensors.map((entry) => entry.name)).toEqual(Object.keys(reference.tensors));
      for (const entry of model.tensors) {
        const expected = reference.tensors[entry.name]!;
        expect(entry).toMatchObject({ type: expected.type, shape: expected.ne, shard: 0 });
        expect(entry).toMatchObject({ offset: expected.offset_in_file, bytes: expected.n_bytes });
        expect(sha256(await model.read(entry))).toBe(expected.sha256);
      }
      await model.close();
    },
  );

  it('reads parts of a tensor, and nothing beyond it', async () => {
    const model = await openGguf(path.join(golden, 'llama-gqa-q8_0.gguf'));
    const entry = model.tensors[3]!;
    const whole = await model.read(entry);
    expect(await model.read(entry, 34)).toEqual(whole.subarray(34));
    expect(await model.read(entry, 34, 68)).toEqual(whole.subarray(34, 102));
    const target = new Uint8Array(34);
    await model.readInto(entry, target, 68);
    expect(target).toEqual(whole.subarray(68, 102));
    await expect(model.read(entry, 0, entry.bytes + 1)).rejects.toThrow(RangeError);
    await expect(model.readInto(entry, target, entry.bytes - 33)).rejects.toThrow(RangeError);
    await model.close();
  });

  it('says that a file became shorter while it was read', async () => {
    const file = path.join(folder, 'shrinks.gguf');
    await copyFile(path.join(fixtures, 'hostile/ok.gguf'), file);
    const model = await openGguf(file);
    await truncate(file, 900);
    const error = await failureOf(model.read(model.tensors[1]!));
    expect(error.code).toBe('FILE_MALFORMED');
    expect(error.message).toContain('became shorter');
    await model.close();
  });

  it('opens a 20 GB file by its header alone', async () => {
    const dimensions = [2 ** 16, 2 ** 15];
    const bytes = 2 ** 33;
    const build = GgufBuilder.header(3, 0);
    [0, 1, 2].forEach((index) => build.tensor(`blk.${index}.weight`, dimensions, 0, index * bytes));
    const file = path.join(folder, 'sparse.gguf');
    await writeFile(file, build.padTo(32).bytes());
    const dataStart = build.bytes().length;
    await truncate(file, dataStart + 3 * bytes);
    const handle = await open(file, 'r+');
    await handle.write(Uint8Array.of(42), 0, 1, dataStart + 3 * bytes - 1);
    await handle.close();

    const begin = performance.now();
    const model = await openGguf(file);
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(model.fileBytes).toBeGreaterThan(20e9);
    const last = model.tensors[2]!;
    expect(last.offset).toBe(dataStart + 2 ** 34);
    expect(await model.read(last, last.bytes - 2, 2)).toEqual(Uint8Array.of(0, 42));
    await model.close();
  });

  it('reads a vocabulary of 150,000 tokens quickly, and decodes it only when asked', async () => {
    const tokens = Array.from({ length: 150_000 }, (_, index) => `token ${index * 7919} ĠÜ`);
    const list = new GgufBuilder().items('string', tokens.length);
    for (const token of tokens) list.string(token);
    const build = GgufBuilder.header(0, 3).key('tokenizer.ggml.tokens', 'array').raw(list.bytes());
    build.key('tokenizer.ggml.scores', 'array').items('float32', tokens.length);
    build.raw(new Uint8Array(tokens.length * 4));
    build.key('tokenizer.ggml.merges', 'array').raw(list.bytes());
    const bytes = build.bytes();

    const begin = performance.now();
    const { metadata } = await header(bytes);
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(metadata.strings('tokenizer.ggml.tokens')).toEqual(tokens);
    expect(metadata.numbers('tokenizer.ggml.scores')).toHaveLength(tokens.length);
  });

  it('refuses a file that is missing, a folder and a device', async () => {
    for (const place of [path.join(folder, 'none.gguf'), folder, '/dev/zero']) {
      expect(await failureOf(openGguf(place))).toMatchObject({ code: 'FILE_NOT_FOUND' });
    }
  });
});

describe('readGgufHeader', () => {
  it('reads version 2 as version 3', async () => {
    const bytes = GgufBuilder.header(1, 0, 2).tensor('a', [4], 0, 0).padTo(32).raw(new Uint8Array(16)).bytes();
    expect(await header(bytes)).toMatchObject({ version: 2, tensors: [{ name: 'a', type: 'F32', bytes: 16 }] });
  });

  it.each([
    ['version 1', GgufBuilder.header(0, 0, 1), /2 or 3/],
    ['a big-endian file', GgufBuilder.header(0, 0, 0x03000000), /little-endian/],
    ['an empty key', GgufBuilder.header(0, 1).key('', 'uint8').uint32(0), /a key of 1/],
    ['a value type that does not exist', GgufBuilder.header(0, 1).string('k').uint32(13).uint64(0), /value type/],
    ['a bool of 2', GgufBuilder.header(0, 1).key('k', 'bool').uint8(2), /0 or 1/],
    [
      'a bool of 2 in an array',
      GgufBuilder.header(0, 1).key('k', 'array').items('bool', 2).uint8(1).uint8(2),
      /0 or 1/,
    ],
    [
      'an alignment that is no uint32',
      GgufBuilder.header(0, 1).key('general.alignment', 'uint64').uint64(32),
      /uint32/,
    ],
    ['an alignment of 4', GgufBuilder.header(0, 1).key('general.alignment', 'uint32').uint32(4), /power of two/],
    ['an alignment of 48', GgufBuilder.header(0, 1).key('general.alignment', 'uint32').uint32(48), /power of two/],
    [
      'an array longer than the file',
      GgufBuilder.header(0, 1)
        .key('k', 'array')
        .items('uint32', 2n ** 63n),
      /fits/,
    ],
    ['a tensor count of 2^63', GgufBuilder.header(2n ** 63n, 0), /fits/],
    ['a tensor name of 64 bytes', GgufBuilder.header(1, 0).tensor('n'.repeat(64), [1], 0, 0), /63/],
    ['a tensor twice', GgufBuilder.header(2, 0).tensor('a', [8], 0, 0).tensor('a', [8], 0, 32), /once/],
    ['a removed tensor type', GgufBuilder.header(1, 0).tensor('a', [32], 4, 0).uint64(0), /type 4/],
    ['a row of half a block', GgufBuilder.header(1, 0).tensor('a', [48], 2, 0).uint64(0), /multiples of 32/],
    [
      'more elements than 2^53',
      GgufBuilder.header(1, 0)
        .tensor('a', [2 ** 30, 2 ** 30], 0, 0)
        .uint64(0),
      /2\^53/,
    ],
    [
      'an offset of 2^64 - 32',
      GgufBuilder.header(1, 0)
        .tensor('a', [8], 0, 2n ** 64n - 32n)
        .uint64(0),
      /2\^53/,
    ],
  ])('refuses %s', async (_name, build, words) => {
    // Room behind the fault, so that it is the fault and not the end of the file that is found.
    const error = await failureOf(header(build.padTo(32).raw(new Uint8Array(64)).bytes()));
    expect(error.code).toBe('FILE_MALFORMED');
    expect(error.message).toMatch(words);
  });

  it('bounds what a large file can make it allocate', async () => {
    const file = path.join(folder, 'greedy.gguf');
    for (const greedy of [
      GgufBuilder.header(0, 1).key('k', 'array').items('uint8', 8e9),
      GgufBuilder.header(0, 1).key('k', 'array').items('string', 1e9),
      GgufBuilder.header(0, 1).key('k', 'string').uint64(9e9),
      GgufBuilder.header(0, 1).key('k', 'array').items('array', 1e8),
      GgufBuilder.header(0, 1e8),
      GgufBuilder.header(1e8, 0),
    ]) {
      await writeFile(file, greedy.bytes());
      await truncate(file, 10e9);
      expect((await failureOf(openGguf(file))).code).toBe('FILE_MALFORMED');
    }
  });

  it('reads a header whose data is not there, when asked to', async () => {
    const bytes = GgufBuilder.header(1, 0)
      .tensor('a', [2 ** 20], 0, 0)
      .padTo(32)
      .bytes();
    expect((await failureOf(header(bytes))).details).toMatchObject({ tensor: 'a' });
    const { tensors } = await readGgufHeader(memorySource('test.gguf', bytes), { headerOnly: true });
    expect(tensors[0]).toMatchObject({ name: 'a', bytes: 2 ** 22, offset: bytes.length });
  });

  it('keeps strings that are not UTF-8, byte order marks and nested arrays', async () => {
    const wrong = Uint8Array.of(0xff, 0x41, 0xc3);
    const build = GgufBuilder.header(0, 3).key('wrong', 'string').string(wrong);
    build.key('tokens', 'array').items('string', 2).string(wrong).string('\ufeffx');
    build.key('nested', 'array').items('array', 2).items('uint32', 1).uint32(7).items('bool', 0);
    const { metadata } = await header(build.bytes());
    expect(metadata.get('wrong')).toEqual({ type: 'string', value: '\ufffdA\ufffd', bytes: wrong });
    const tokens = metadata.get('tokens');
    expect(metadata.strings('tokens')).toEqual(['\ufffdA\ufffd', '\ufeffx']);
    expect(tokens?.type === 'array' && tokens.itemType === 'string' && tokens.value.bytesAt(0)).toEqual(wrong);
    expect(metadata.get('nested')).toMatchObject({
      itemType: 'array',
      value: [{ value: Uint32Array.of(7) }, { itemType: 'bool' }],
    });
  });
});
