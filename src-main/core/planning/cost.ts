// What making a plan costs, roughly: seconds, memory and disk. Rates were measured on two 2024 server cores and scale with threads.
import type { Plan, SliceStep } from '../../contract/plan.ts';
import { elementCount, type TensorEntry } from '../formats/tensor.ts';

export interface CostFacts {
  parameters: number;
  sourceBytes: number;
  threads: number;
}

/** Weights per second and thread that ggml's kernels quantise: float and legacy types, K types, IQ types. */
const weightsPerSecond = { legacy: 60e6, k: 20e6, iq: 4e6 } as const;
/** Floating-point operations per second and thread of a forward pass on the CPU. */
const forwardRate = 34e9;
/** Tokens that calibration and evaluation read by default, at most. */
const measuringTokens = 64e3;
/** Memory of a job besides the tensors it holds. */
const baseMemoryBytes = 300e6;

export interface PlannedWork {
  tensors: readonly TensorEntry[];
  fileBytes: number;
  slice: SliceStep | null;
}

export function costOf(
  { parameters, sourceBytes, threads }: CostFacts,
  { tensors, fileBytes, slice }: PlannedWork,
): Plan['cost'] {
  const elements = (entry: TensorEntry): number => elementCount(entry.shape)!;
  const quantize = tensors.reduce((sum, entry) => sum + elements(entry) / rateOf(entry.type), 0) / threads;
  const measure = (measuringTokens * 2 * parameters) / (forwardRate * threads);
  const largest = Math.max(...tensors.map(elements));
  const quantizing = baseMemoryBytes + Math.min(largest, 2 ** 26) * 8 + Math.min(sourceBytes, largest * 4);
  const slicing = slice ? costOfSlice(slice, parameters) : { operations: 0, bytes: 0 };
  return {
    seconds: Math.round(quantize + measure + slicing.operations / (forwardRate * threads)),
    peakMemoryBytes: Math.round(quantizing + slicing.bytes),
    diskBytes: fileBytes,
  };
}

/**
 * Calibration is a forward pass; turning every weight is 2·parameters·width operations in float64, half as fast as
 * float32. In memory: Gram, basis and the eigensolver's workspace (about 3 n², LAPACK dsyevd), in float64.
 */
function costOfSlice({ width, hiddenSize }: SliceStep, parameters: number): { operations: number; bytes: number } {
  return {
    operations: measuringTokens * 2 * parameters + 2 * (2 * parameters * width),
    bytes: 5 * 8 * hiddenSize ** 2,
  };
}

function rateOf(type: string): number {
  if (/^(?:Q\d_K|TQ)/.test(type)) return weightsPerSecond.k;
  return type.startsWith('IQ') ? weightsPerSecond.iq : weightsPerSecond.legacy;
}
