// Whether a model still has the weights it was trained with.
import type { TensorEntry } from '../formats/tensor.ts';

const floatTypes: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16']);

/** The floating-point type to write changed weights in: that of most of the model's bytes where it has 16 bits, else F16. */
export function writtenFloatType(tensors: readonly Pick<TensorEntry, 'type' | 'bytes'>[]): 'F16' | 'BF16' {
  const bytesOf = (type: string): number =>
    tensors.reduce((sum, tensor) => sum + (tensor.type === type ? tensor.bytes : 0), 0);
  return bytesOf('BF16') > bytesOf('F16') ? 'BF16' : 'F16';
}

/** True when every matrix is stored as floating-point numbers (1-D tensors never are quantised). */
export function hasOnlyFloats(tensors: readonly Pick<TensorEntry, 'type' | 'shape'>[]): boolean {
  return tensors.every(({ type, shape }) => shape.length < 2 || floatTypes.has(type) || /^[IU]\d+$/.test(type));
}
