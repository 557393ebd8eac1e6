// The bytes of one tensor as they are written: read in parts, checked for NaN and infinity, permuted, converted.
// Source of the permutation: llama.cpp v0.4.0, conversion/llama.py (LlamaModel.permute).
import { firstNonFinite } from '../../formats/finite-check.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { nonFiniteError } from '../../quantization/faults.ts';
import { rowsOf } from '../../quantization/tensor-slabs.ts';
import { bytesPerElement, convertFloats, floatAt } from '../../formats/float-values.ts';
import type { TensorPlan } from './plan-tensors.ts';

/** Bytes read at a time; a single row may be larger. */
const partBytes = 8 * 2 ** 20;

/**
 * Yields the tensor in order, a few megabytes at a time; a head whose rows are permuted is one part.
 * @throws NON_FINITE naming tensor, element and value; the reason of `signal`
 */
export async function* tensorContent(
  source: ModelSource,
  plan: TensorPlan,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const entry = plan.source;
  const { columns, rows } = matrixOf(plan);
  const rowBytes = columns * bytesPerElement(entry.type);
  const partRows =
    plan.permutedHeads === null ? Math.max(1, Math.floor(partBytes / rowBytes)) : rows / plan.permutedHeads;
  for (let row = 0; row < rows; row += partRows) {
    signal.throwIfAborted();
    const bytes = await source.read(entry, row * rowBytes, Math.min(partRows, rows - row) * rowBytes);
    const place = { file: source.path, tensor: entry, firstElement: row * columns, targetType: plan.type };
    const bad = firstNonFinite(entry.type, bytes);
    if (bad !== -1) {
      throw nonFiniteError({ place: 'source', element: bad, value: floatAt(bytes, entry.type, bad) }, place);
    }
    const output = convertFloats(bytes, entry.type, plan.type);
    const lost = output === bytes ? -1 : firstNonFinite(plan.type, output);
    if (lost !== -1) {
      throw nonFiniteError({ place: 'result', element: lost, value: floatAt(bytes, entry.type, lost) }, place);
    }
    yield plan.permutedHeads === null ? output : interleaveHalves(output, partRows);
  }
}

/** A vector is one row, but the bias of permuted rows is one column. */
function matrixOf({ shape, permutedHeads }: TensorPlan): { columns: number; rows: number } {
  return shape.length === 1 && permutedHeads !== null ? { columns: 1, rows: shape[0]! } : rowsOf(shape);
}

/** Rows of one head [2, rows / 2] become [rows / 2, 2]: row j of half h goes to 2j + h. */
function interleaveHalves(head: Uint8Array, rows: number): Uint8Array {
  const rowBytes = head.length / rows;
  const output = new Uint8Array(head.length);
  for (let row = 0; row < rows; row += 1) {
    const from = ((row % 2) * rows) / 2 + Math.floor(row / 2);
    output.set(head.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return output;
}
