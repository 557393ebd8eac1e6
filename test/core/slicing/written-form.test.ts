// What a sliced model is written as: the written family's names, whatever the source calls its tensors.
import { afterAll, expect, test } from 'vitest';
import { openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import { llama } from '../../../src-main/core/architectures/llama.ts';
import { architectures } from '../../../src-main/core/architectures/registry.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { planSlicedTensors } from '../../../src-main/core/slicing/sliced-tensors.ts';
import { writtenForm } from '../../../src-main/core/slicing/written-form.ts';
import { sampleModel } from '../../support/paths.ts';

const model = await openModel(sampleModel);
afterAll(() => model.close());

test('tensors have the names of the family that is written', () => {
  const mlpNorm = { ...llama.layer.mlpNorm, gguf: 'post_attention_norm.weight' };
  const decoder = {
    ...openDecoder(model),
    architecture: { ...architectures.qwen2, layer: { ...llama.layer, mlpNorm } },
  };
  const form = writtenForm(decoder);
  const { tensors } = planSlicedTensors({ decoder, form, width: 128, constantFinalNorm: null });
  expect(tensors.map(({ name }) => name).toSorted()).toEqual(model.tensors.map(({ name }) => name).toSorted());
});

test.each([
  ['llama', 'llama'],
  ['mistral', 'llama'],
  ['qwen2', 'llama'],
  ['seed_oss', 'llama'],
  // Norms on heads, which llama has not.
  ['qwen3', 'qwen3'],
] as const)('%s is written as %s', (name, written) => {
  const decoder = { ...openDecoder(model), architecture: architectures[name] };
  expect(writtenForm(decoder)).toMatchObject({ architecture: written, layer: architectures[written].layer });
});

test('rows of q and k go to pairs where the source has halves and llama is written', () => {
  const ofFolder = { ...openDecoder(model), model: { ...model, kind: 'safetensors' as const } };
  const interleaves = (decoder: Parameters<typeof writtenForm>[0]): boolean => writtenForm(decoder).interleaves;
  expect(interleaves(ofFolder)).toBe(true);
  expect(interleaves({ ...ofFolder, architecture: architectures.qwen3 })).toBe(false);
  expect(interleaves({ ...openDecoder(model), architecture: architectures.qwen2 })).toBe(true);
});
