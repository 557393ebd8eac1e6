import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { firstNonFinite } from '../../../src-main/core/formats/finite-check.ts';
import {
  bitsPerWeight,
  ggmlTypeById,
  ggmlTypeByName,
  ggmlTypes,
  tensorBytes,
} from '../../../src-main/core/formats/ggml-types.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import { duplicateKey } from '../../../src-main/core/formats/json-object.ts';
import { StringList } from '../../../src-main/core/formats/string-list.ts';
import { fixtures } from '../../support/paths.ts';

describe('ggml types', () => {
  it('have the sizes of ggml-common.h', () => {
    // Fields of the block structs: half-precision scales, packed bits, scales of sub-blocks.
    const half = 2;
    const blocks: Record<string, [elements: number, bytes: number]> = {
      Q4_0: [32, half + 16],
      Q4_1: [32, 2 * half + 16],
      Q5_0: [32, half + 4 + 16],
      Q5_1: [32, 2 * half + 4 + 16],
      Q8_0: [32, half + 32],
      Q8_1: [32, 2 * half + 32],
      Q2_K: [256, 2 * half + 256 / 16 + 256 / 4],
      Q3_K: [256, half + 256 / 4 + 256 / 8 + 12],
      Q4_K: [256, 2 * half + 12 + 256 / 2],
      Q5_K: [256, 2 * half + 12 + 256 / 2 + 256 / 8],
      Q6_K: [256, half + 256 / 16 + (3 * 256) / 4],
      Q8_K: [256, 4 + 256 + (256 / 16) * 2],
      IQ1_S: [256, half + 256 / 8 + 256 / 16],
      IQ1_M: [256, 256 / 8 + 256 / 16 + 256 / 32],
      IQ2_XXS: [256, half + (256 / 8) * 2],
      IQ2_XS: [256, half + (256 / 8) * 2 + 256 / 32],
      IQ2_S: [256, half + 256 / 4 + 256 / 16],
      IQ3_XXS: [256, half + 3 * (256 / 8)],
      IQ3_S: [256, half + 13 * (256 / 32) + 256 / 64],
      IQ4_NL: [32, half + 16],
      IQ4_XS: [256, half + 2 + 256 / 64 + 256 / 2],
      TQ1_0: [256, half + 256 / 64 + (256 - (4 * 256) / 64) / 5],
      TQ2_0: [256, half + 256 / 4],
      MXFP4: [32, 1 + 16],
      NVFP4: [64, 64 / 16 + 64 / 2],
      Q1_0: [128, half + 128 / 8],
      Q2_0: [64, half + 64 / 4],
    };
    for (const [name, [blockSize, typeSize]] of Object.entries(blocks)) {
      expect(ggmlTypeByName(name)).toMatchObject({ blockSize, typeSize });
    }
    const plain = ggmlTypes.filter(({ name }) => !(name in blocks)).map(({ name, typeSize }) => [name, typeSize]);
    expect(Object.fromEntries(plain)).toEqual({ F64: 8, F32: 4, F16: 2, BF16: 2, I8: 1, I16: 2, I32: 4, I64: 8 });
  });

  it('count bytes as gguf-py does', () => {
    const reference = JSON.parse(readFileSync(path.join(fixtures, 'quant/reference.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const counted = Object.entries(reference).filter(
      ([, value]) => typeof value === 'object' && value !== null && 'n_bytes' in value,
    );
    for (const [name, value] of counted)
      expect(tensorBytes(name, [512, 256])).toBe((value as { n_bytes: number }).n_bytes);
    expect(tensorBytes('q4_K', [4096, 4096])).toBe(9437184);
    expect(tensorBytes('F32', [])).toBe(4);
    expect(bitsPerWeight('Q4_K')).toBe(4.5);
    expect(bitsPerWeight('Q6_K')).toBe(6.5625);
  });

  it('are unique, and unknown ones are refused', () => {
    expect(new Set(ggmlTypes.map(({ id }) => id)).size).toBe(35);
    expect(ggmlTypeById(12)?.name).toBe('Q4_K');
    expect(ggmlTypeById(4)).toBeUndefined();
    for (const [type, shape] of [
      ['Q9_K', [256]],
      ['Q4_K', [255]],
      ['F32', [2 ** 40, 2 ** 40]],
      ['F64', [2 ** 52]],
      ['F32', [-1]],
    ] as const) {
      expect(() => tensorBytes(type, shape)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_TYPE' }) as Error);
    }
  });
});

describe('GgufMetadata', () => {
  const metadata = new GgufMetadata('m.gguf', [
    ['name', { type: 'string', value: 'x' }],
    ['flag', { type: 'bool', value: true }],
    ['big', { type: 'uint64', value: 2n ** 40n }],
    ['huge', { type: 'uint64', value: 2n ** 63n }],
    ['half', { type: 'float32', value: 0.5 }],
    ['list', { type: 'array', itemType: 'int64', value: BigInt64Array.of(-1n, 2n) }],
    ['words', { type: 'array', itemType: 'string', value: StringList.from(['a', 'b']) }],
  ]);

  it('gives values, and fallbacks for keys that are missing', () => {
    expect(metadata.string('name')).toBe('x');
    expect(metadata.boolean('flag')).toBe(true);
    expect(metadata.integer('big')).toBe(2 ** 40);
    expect(metadata.number('half')).toBe(0.5);
    expect(metadata.numbers('list')).toEqual([-1, 2]);
    expect(metadata.strings('words')).toEqual(['a', 'b']);
    expect(metadata.string('none', null)).toBeNull();
    expect(metadata.integer('none', undefined)).toBeUndefined();
  });

  it.each([
    ['string', 'flag'],
    ['boolean', 'name'],
    ['integer', 'half'],
    ['integer', 'huge'],
    ['integer', 'list'],
    ['number', 'name'],
    ['strings', 'list'],
    ['numbers', 'words'],
    ['integer', 'none'],
  ] as const)('refuses %s of %s', (getter, key) => {
    expect(() => metadata[getter](key)).toThrow(
      expect.objectContaining({
        code: 'FILE_MALFORMED',
        details: expect.objectContaining({ file: 'm.gguf', key }) as object,
      }) as Error,
    );
  });

  it('keeps the order of keys, and copies that change alone', () => {
    const copy = metadata.clone().set('name', { type: 'string', value: 'y' });
    copy.set('last', { type: 'bool', value: false });
    expect(copy.delete('flag')).toBe(true);
    expect([...copy.keys()]).toEqual(['name', 'big', 'huge', 'half', 'list', 'words', 'last']);
    expect(metadata.string('name')).toBe('x');
    expect(metadata.size).toBe(7);
  });
});

describe('StringList', () => {
  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), (items) => {
        const list = StringList.from(items);
        expect(list.length).toBe(items.length);
        items.forEach((item, index) => expect(list.bytesAt(index)).toEqual(item));
      }),
    );
    expect(StringList.from(['Ġa', '\ufeff']).toArray()).toEqual(['Ġa', '\ufeff']);
    expect(() => StringList.from(['a']).at(1)).toThrow(RangeError);
  });
});

describe('firstNonFinite', () => {
  it.each([
    ['F64', new Float64Array([1, -Number.MAX_VALUE, 0, NaN])],
    ['F32', new Float32Array([1, 3.4e38, 0, -Infinity])],
    ['F16', Uint16Array.of(0x3c00, 0x7bff, 0x0001, 0xfc00)],
    ['BF16', Uint16Array.of(0x3f80, 0x7f7f, 0x0001, 0x7fc0)],
  ])('finds it in %s, at any alignment', (type, values) => {
    const bytes = new Uint8Array(values.buffer);
    expect(firstNonFinite(type, bytes)).toBe(3);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(firstNonFinite(type, shifted.subarray(1))).toBe(3);
    expect(firstNonFinite(type, bytes.subarray(0, 3 * values.BYTES_PER_ELEMENT))).toBe(-1);

    // The finite ones over and over, the other one far behind them.
    const size = values.BYTES_PER_ELEMENT;
    const many = new Uint8Array(10_001 * size);
    for (let place = 0; place < 10_000; place += 1)
      many.set(bytes.subarray((place % 3) * size).subarray(0, size), place * size);
    expect(firstNonFinite(type, many.subarray(0, 10_000 * size))).toBe(-1);
    many.set(bytes.subarray(3 * size), 9_000 * size);
    expect(firstNonFinite(type, many)).toBe(9_000);
  });

  it('takes integers as finite, and leaves blocks to ggml', () => {
    expect(firstNonFinite('I32', new Uint8Array(4).fill(0xff))).toBe(-1);
    expect(firstNonFinite('BOOL', new Uint8Array(1))).toBe(-1);
    for (const type of ['Q8_0', 'F8_E4M3']) {
      expect(() => firstNonFinite(type, new Uint8Array(34))).toThrow(
        expect.objectContaining({ code: 'UNSUPPORTED_TYPE' }) as Error,
      );
    }
  });
});

describe('duplicateKey', () => {
  it.each([
    ['{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}', null],
    ['{"a":1,"a":2}', 'a'],
    ['{"a":{"b":1,"c":[1,"b"],"b":2}}', 'b'],
    ['{"a":"x\\"","b":"\\\\","a":0}', 'a'],
    ['{"\\u0061":1,"a":2}', 'a'],
    ['{"a":"{\\"b\\":1,\\"b\\":2}"}', null],
    ['{"a":["b","b"],"b":["a"]}', null],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ])('%s', (text, expected) => {
    expect(duplicateKey(text)).toBe(expected);
  });

  it('finds none in what JSON.stringify writes', () => {
    fc.assert(fc.property(fc.json(), (text) => duplicateKey(text) === null));
  });
});

describe('memorySource', () => {
  it('copies, and refuses what lies outside', async () => {
    const content = Buffer.from([1, 2, 3, 4]);
    const source = memorySource('m', content);
    const read = await source.read(1, 2);
    content[1] = 9;
    expect(read).toEqual(Uint8Array.of(2, 3));
    const target = new Uint8Array(2);
    await source.readInto(target, 0);
    expect(target).toEqual(Uint8Array.of(1, 9));
    for (const [offset, length] of [
      [-1, 1],
      [3, 2],
      [0.5, 1],
      [0, -1],
      [2 ** 60, 1],
    ] as const) {
      await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'FILE_MALFORMED' });
    }
  });
});
