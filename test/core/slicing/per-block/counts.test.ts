// The closed parameter count against golden counts (ref.py and the released code) and against the sizes of published models
// as SliceGPT's code leaves them at 20%, from their configs alone.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  countFusedParameters,
  countShortcuts,
  countSlicedParameters,
  parameterShapeOf,
} from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import type { BranchShape, ParameterShape } from '../../../../src-main/core/slicing/per-block/count-parameters.ts';
import {
  constantWidth,
  constantWidths,
  slicingConfigOf,
} from '../../../../src-main/core/slicing/per-block/site-widths.ts';
import type { SlicingConfig } from '../../../../src-main/contract/results.ts';
import { goldenModels, readJson } from '../../../support/golden-models.ts';
import { decoderOf } from '../../../support/graph-runs.ts';
import { golden } from '../../../support/slicing.ts';

/** LayerNorm biases are folded into every linear that reads, so all of those have one; so has the head. */
const branch = (inputRows: number, outputColumns: number): BranchShape => ({
  ...{ inputRows, outputColumns, inputBiases: inputRows, hasOutputBias: true },
});

interface PlainSizes {
  hiddenSize: number;
  numHiddenLayers: number;
  ffn: number;
  vocabSize: number;
}

/** OPT: learned positions (two rows more than the context), as many key as query heads, a plain MLP. */
const opt = ({ hiddenSize, numHiddenLayers, ffn, vocabSize }: PlainSizes, context: number): ParameterShape => ({
  ...{ hiddenSize, numHiddenLayers, vocabSize, blockLayout: 'sequential', embeddingTables: 2, positions: context + 2 },
  attention: branch(3 * hiddenSize, hiddenSize),
  mlp: branch(ffn, ffn),
  ...{ headNorms: 0, hasHeadBias: true },
});

/** Phi-2: a parallel block, rotary positions. */
const phi = (sizes: PlainSizes): ParameterShape => ({
  ...opt(sizes, 0),
  ...{ blockLayout: 'parallel', embeddingTables: 1, positions: 0 },
});

const tiny: PlainSizes = { hiddenSize: 64, numHiddenLayers: 4, ffn: 160, vocabSize: 512 };
const opt125: PlainSizes = { hiddenSize: 768, numHiddenLayers: 12, ffn: 3072, vocabSize: 50_272 };
const phi2: PlainSizes = { hiddenSize: 2560, numHiddenLayers: 32, ffn: 10_240, vocabSize: 51_200 };

/** Phi-3: one matrix for q, k and v, one for gate and up; RMSNorm. */
const phi3: ParameterShape = {
  ...{ hiddenSize: 64, numHiddenLayers: 4, vocabSize: 512, blockLayout: 'sequential', positions: 0 },
  attention: { inputRows: 64 + 2 * 32, outputColumns: 64, inputBiases: 0, hasOutputBias: false },
  mlp: { inputRows: 2 * 160, outputColumns: 160, inputBiases: 0, hasOutputBias: false },
  ...{ headNorms: 0, hasHeadBias: false },
};

/** SmolLM2-135M: 9 query and 3 key heads of 64, tied. */
const smol: ParameterShape = {
  ...{ hiddenSize: 576, numHiddenLayers: 30, vocabSize: 49_152, blockLayout: 'sequential', positions: 0 },
  attention: { inputRows: 576 + 2 * 192, outputColumns: 576, inputBiases: 0, hasOutputBias: false },
  mlp: { inputRows: 2 * 1536, outputColumns: 1536, inputBiases: 0, hasOutputBias: false },
  ...{ headNorms: 0, hasHeadBias: false },
};

const constant = (shape: ParameterShape, width: number, sliceHead = false): SlicingConfig =>
  slicingConfigOf(shape, constantWidths(shape, width, sliceHead), sliceHead);

test('SmolLM2-135M at width 512 has what the released code counts', () => {
  expect(countSlicedParameters(smol, constant(smol, 512))).toBe(163_708_928);
});

test.each([
  { name: 'OPT-125m', shape: opt(opt125, 2048), expected: 147_250_880 },
  { name: 'Phi-2', shape: phi(phi2), expected: 2_391_772_160 },
])('$name at 20% has $expected parameters', ({ shape, expected }) => {
  const width = constantWidth(shape.hiddenSize, 0.2, 8);
  expect(countSlicedParameters(shape, constant(shape, width))).toBe(expected);
});

test.each([
  { blockLayout: 'sequential' as const, widths: [2, 3, 4, 5, 8], expected: 2 * 3 + 3 * 4 + 4 * 5 + 5 * 8 },
  { blockLayout: 'parallel' as const, widths: [2, 3, 8], expected: 2 * 3 + 3 * 8 },
])('shortcuts are n·o of every step', ({ blockLayout, widths, expected }) => {
  const layout = { hiddenSize: 8, numHiddenLayers: 2, blockLayout };
  expect(countShortcuts(layout, slicingConfigOf(layout, widths, false))).toBe(expected);
});

describe.skipIf(!goldenModels)('golden counts', () => {
  interface Counts {
    params_fused: number;
    params_sliced: number;
    params_sliced_head: number;
  }
  const expectCounts = (name: string, shape: ParameterShape): void => {
    const told = readJson<Counts>(path.join(golden(name), 'correct.json'));
    expect(countFusedParameters(shape)).toBe(told.params_fused);
    expect(countSlicedParameters(shape, constant(shape, 48))).toBe(told.params_sliced);
    expect(countSlicedParameters(shape, constant(shape, 48, true))).toBe(told.params_sliced_head);
  };

  test.each(['llama-gqa', 'llama-tied', 'qwen2', 'qwen3', 'mistral', 'opt', 'phi', 'phi3'])(
    'of %s, open',
    async (name) => {
      expectCounts(name, parameterShapeOf(await decoderOf(golden(name))));
    },
  );

  test.each([
    { name: 'opt', shape: opt(tiny, 128) },
    { name: 'phi', shape: phi(tiny) },
    { name: 'phi3', shape: phi3 },
  ])('of $name, from its config', ({ name, shape }) => expectCounts(name, shape));

  test.each(['opt', 'phi', 'phi3'])('the widths of %s are those that the released code saved', (name) => {
    const shape = { opt: opt(tiny, 128), phi: phi(tiny), phi3 }[name]!;
    const told = readJson<{ slicing_config: SlicingConfig }>(path.join(golden(name), 'official.json'));
    expect(constant(shape, 48)).toEqual(told.slicing_config);
  });
});
