import { describe, expect, it } from 'vitest';
import { ggmlTypes, tensorBytes } from '../../../src-main/core/formats/ggml-types.ts';
import type { TensorEntry } from '../../../src-main/core/formats/tensor.ts';
import type { ImportanceFile } from '../../../src-main/core/quantization/importance-file.ts';
import { hasOnlyFloats } from '../../../src-main/core/quantization/float-model.ts';
import { planTensors, type PlanRequest } from '../../../src-main/core/quantization/quantize-plan.ts';
import type { Quantizer } from '../../../src-main/core/quantization/quantizer.ts';
import { requantizedTensors, requantizedWarning } from '../../../src-main/core/quantization/source-precision.ts';
import { inLlamaOrder } from '../../../src-main/core/quantization/tensor-order.ts';
import { thrownBy } from '../../worker/quantize-oracle.ts';

const kernels = new Set(['IQ2_XXS', 'IQ2_XS', 'IQ1_S']);
const unreadable = new Set(['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64']);
/** Knows the types; converts nothing. */
const quantizer: Quantizer = {
  canRead: (type) => !unreadable.has(type),
  canWrite: (type) => !unreadable.has(type) && type !== 'F64',
  needsImportance: (type) => kernels.has(type),
  convert: () => Promise.reject(new Error('not for planning')),
  check: () => Promise.reject(new Error('not for planning')),
};

function tensor(name: string, type = 'F16', shape = [256, 4]): TensorEntry {
  return { name, type, shape, shard: 0, offset: 0, bytes: tensorBytes(type, shape) };
}

function importanceOf(...names: string[]): ImportanceFile {
  return {
    path: 'given.imatrix',
    datasets: [],
    chunkCount: 0,
    chunkSize: 0,
    names,
    has: (name) => names.includes(name),
    checkBelongsTo: () => {},
    read: () => Promise.reject(new Error('not read')),
    close: async () => {},
  };
}

function plan(type: string, change: Partial<PlanRequest> & { name?: string; source?: string } = {}) {
  const { name = 'blk.0.ffn_up.weight', source = 'F16' } = change;
  return planTensors({
    file: 'm.gguf',
    tensors: [tensor(name, source)],
    types: { [name]: type },
    fileType: null,
    importance: null,
    quantizer,
    ...change,
  });
}

describe('planTensors', () => {
  it('copies what is not named and what has the type already', () => {
    const tensors = [tensor('a.weight'), tensor('b.weight', 'Q4_0'), tensor('c.weight')];
    const plans = planTensors({
      file: 'm.gguf',
      tensors,
      types: { 'b.weight': 'q4_0', 'c.weight': 'q8_0' },
      fileType: null,
      importance: null,
      quantizer,
    });
    expect(plans.map(({ targetType, targetBytes }) => [targetType, targetBytes])).toEqual([
      ['F16', 2048],
      ['Q4_0', 576],
      ['Q8_0', 1088],
    ]);
  });

  const needing = ['IQ3_XXS', 'IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ1_M', 'IQ1_S'];
  const writable = ggmlTypes.map(({ name }) => name).filter((name) => quantizer.canWrite(name) && name !== 'F16');

  it.each(writable)('%s: needs importance as llama.cpp says', async (type) => {
    const error = await thrownBy(() => plan(type));
    expect(error?.code ?? null).toBe(needing.includes(type) ? 'IMPORTANCE_MISSING' : null);
    expect(plan(type, { importance: importanceOf('blk.0.ffn_up.weight') })).toMatchObject([
      { usesImportance: !['F32', 'BF16'].includes(type) },
    ]);
  });

  it.each(['token_embd.weight', 'per_layer_token_embd.weight', 'output.weight'])(
    '%s may go without, unless the kernel cannot',
    async (name) => {
      expect(plan('IQ3_XXS', { name })).toMatchObject([{ usesImportance: false }]);
      expect(await thrownBy(() => plan('IQ2_XS', { name }))).toMatchObject({
        code: 'IMPORTANCE_MISSING',
        details: { tensor: name },
      });
    },
  );

  it('says whether importance was given at all', async () => {
    const none = await thrownBy(() => plan('IQ2_S'));
    const other = await thrownBy(() => plan('IQ2_S', { importance: importanceOf('blk.7.ffn_up.weight') }));
    expect(none!.message).toContain('none was given');
    expect(other!.message).toContain('given.imatrix has none for it');
  });

  it('Q2_K needs it within Q2_K_S only', async () => {
    expect(plan('Q2_K', { fileType: 10 })).toHaveLength(1);
    expect(await thrownBy(() => plan('Q2_K', { fileType: 21 }))).toMatchObject({ code: 'IMPORTANCE_MISSING' });
  });

  it.each<[string, object]>([
    ['Q8_K', { details: { targetType: 'Q8_K' } }],
    ['I32', { details: { targetType: 'I32' } }],
    ['nonsense', { details: { targetType: 'nonsense' } }],
  ])('%s is no target', async (type, expected) => {
    expect(await thrownBy(() => plan(type))).toMatchObject({ code: 'UNSUPPORTED_TYPE', ...expected });
  });

  it('integers are no source, but can be copied', async () => {
    expect(await thrownBy(() => plan('F16', { source: 'I32' }))).toMatchObject({ code: 'UNSUPPORTED_TYPE' });
    expect(plan('I32', { source: 'I32' })).toMatchObject([{ targetType: 'I32' }]);
  });
});

describe('inLlamaOrder', () => {
  it('sorts by layer, then by bytes', () => {
    const names = [
      'blk.10.a',
      'token_embd.weight',
      'blk.2.b',
      'output.weight',
      'blk.2.a',
      'blk.-1.x',
      'blk.2.Z',
      'blkx',
      'zé',
      'z～',
      'z𐀀',
    ];
    expect(inLlamaOrder(names.map((name) => ({ name }))).map(({ name }) => name)).toEqual([
      'blk.-1.x', 'blkx', 'output.weight', 'token_embd.weight', 'zé', 'z～', 'z𐀀', 'blk.2.Z', 'blk.2.a', 'blk.2.b', 'blk.10.a',
    ]); // prettier-ignore
  });
});

describe('source precision', () => {
  const tensors = [tensor('a', 'Q4_0'), tensor('b', 'Q8_0'), tensor('c', 'Q4_1'), tensor('d', 'Q5_K')];

  it('counts tensors of 5 bits or less that change', () => {
    expect(requantizedTensors(tensors, { a: 'Q4_K', b: 'Q4_K', c: 'q4_1', d: 'Q4_K' })).toEqual(['a']);
    expect(requantizedTensors(tensors, { a: 'Q4_K', c: 'F16' })).toEqual(['a', 'c']);
  });

  it('warns about them', () => {
    expect(requantizedWarning(0)).toBeNull();
    expect(requantizedWarning(1)).toContain('1 tensor of the source has');
    expect(requantizedWarning(3)).toContain('3 tensors');
  });

  it('knows models that were never quantised', () => {
    expect(hasOnlyFloats([tensor('a'), tensor('b', 'BF16'), tensor('c', 'I32')])).toBe(true);
    expect(hasOnlyFloats(tensors)).toBe(false);
  });
});
