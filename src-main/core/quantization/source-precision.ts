// Says when a source has already lost what a new quantisation would need.
import { bitsPerWeight } from '../formats/ggml-types.ts';
import type { TensorEntry } from '../formats/tensor.ts';

/** At or below this many bits per weight (Q5_1 has 6, Q5_K 5.5, Q4_1 5) a second rounding costs visibly. */
export const coarseBits = 5;

/** Tensors of `tensors` that are coarse already and get another type: rounded twice. */
export function requantizedTensors(
  tensors: readonly Pick<TensorEntry, 'name' | 'type'>[],
  types: Readonly<Record<string, string>>,
): string[] {
  return tensors
    .filter(({ name, type }) => (types[name] ?? type).toUpperCase() !== type && bitsPerWeight(type) <= coarseBits)
    .map(({ name }) => name);
}

/** A warning for people, or null when no tensor is rounded twice. */
export function requantizedWarning(count: number): string | null {
  if (count === 0) return null;
  const tensors = count === 1 ? '1 tensor of the source has' : `${count} tensors of the source have`;
  return `${tensors} ${coarseBits} bits per weight or less already and will be rounded a second time. Start from a 16-bit or 8-bit file where there is one.`;
}
