// Whether a model still has the weights it was trained with.
import type { TensorEntry } from '../formats/tensor.ts';

const floatTypes: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16']);

/** True when every matrix is stored as floating-point numbers (1-D tensors never are quantised). */
export function hasOnlyFloats(tensors: readonly Pick<TensorEntry, 'type' | 'shape'>[]): boolean {
  return tensors.every(({ type, shape }) => shape.length < 2 || floatTypes.has(type) || /^[IU]\d+$/.test(type));
}
