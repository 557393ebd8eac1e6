// Reads every tensor of a model once and looks for values that no calculation survives.
import type { Progress } from '../../contract/progress.ts';
import type { ModelSource } from '../formats/model-source.ts';
import { nonFiniteError } from './faults.ts';
import type { Quantizer } from './quantizer.ts';
import { ahead, BufferRing, largestSlab, readSlabs, rowsOf, slabsOf } from './tensor-slabs.ts';
import { Throughput } from './throughput.ts';

export interface CheckRequest {
  model: Pick<ModelSource, 'path' | 'tensors' | 'readInto'>;
  quantizer: Quantizer;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/** Types of safetensors files that ggml has no name for, and that have no NaN: masks and indices. */
const isInteger = /^(BOOL|[IU]\d+)$/;

/** @throws NON_FINITE with tensor, element and value; FILE_MALFORMED when data is missing; CANCELLED */
export async function checkModel({
  model,
  quantizer,
  signal,
  progress,
}: CheckRequest): Promise<{ tensors: number; bytes: number }> {
  const floats = model.tensors.filter(({ type }) => !isInteger.test(type));
  const bytes = floats.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const throughput = new Throughput('check', bytes, progress);
  const slabs = floats.flatMap((tensor) => slabsOf(tensor, tensor.bytes));
  const ring = new BufferRing(2, largestSlab(slabs)); // one is read while the other is checked
  for await (const { tensor, source, firstRow, rows } of ahead(readSlabs(model, slabs, ring, signal))) {
    const { columns } = rowsOf(tensor.shape);
    const fault = await quantizer.check({ type: tensor.type, source, elements: rows * columns }, signal);
    if (fault)
      throw nonFiniteError(fault, {
        file: model.path,
        tensor,
        firstElement: firstRow * columns,
        targetType: tensor.type,
      });
    throughput.add(source.length, tensor.name);
  }
  return { tensors: floats.length, bytes };
}
