// Makes rows of a sliced model's tensors, part by part, in float64, so that nothing is rounded before the cast (through
// float32) at the end; or in float32, where only the function of the model is looked at. Of a tensor whose columns turn the rows asked for are read; one whose rows turn is held whole.
// Letters: D hidden size, d width, basis [d, D] = Qᵀ.
import type { ModelSource } from '../formats/model-source.ts';
import { elementCount } from '../formats/tensor.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { decodeFloats, readFloats } from '../graph/float-values.ts';
import type { Dequantize } from '../graph/float-values.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import type { SharedRotation } from './shared-rotation.ts';
import type { SlicedTensor, TensorTransform } from './sliced-tensors.ts';

/** What values are computed in. */
export type Arithmetic = 'float64' | 'float32';
type Floats = Float64Array | Float32Array;

export interface TransformContext {
  model: Pick<ModelSource, 'read' | 'readInto'>;
  rotation: Pick<SharedRotation, 'size' | 'width' | 'basis'>;
  headDim: number;
  arithmetic: Arithmetic;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
}

/** Elements of a part: 16 MiB in float64. */
const partElements = 2 ** 21;

/** Rows of a tensor; a vector is one row. */
export interface RowRange {
  first: number;
  count: number;
}

/** Yields the rows asked for in order, in parts. A part is overwritten by the next one, also of the next read. */
export type SlicedRowReader = (
  tensor: Pick<SlicedTensor, 'name' | 'transform'>,
  range: RowRange,
) => AsyncGenerator<Floats, void>;

/**
 * Reads rows of sliced tensors, one read at a time. What is held between reads: the basis in the arithmetic's type, the
 * last matrix whose rows turned, and the buffers of a part. Reads throw NON_FINITE naming the source's tensor, UNSUPPORTED_TYPE, NUMERICAL_FAILURE, the reason of the signal.
 */
export function slicedRowReader(context: TransformContext): SlicedRowReader {
  const workspace = new Workspace(context);
  return ({ name, transform }, range) => {
    switch (transform.kind) {
      case 'columns':
        return turnedColumns(name, transform, workspace, range);
      case 'rows':
        return turnedRows(name, transform, workspace, range);
      case 'copy':
        return copied(transform, context);
      case 'values':
        return only(transform.values);
    }
  };
}

/** What reads share: arrays are made once and grow. */
class Workspace {
  readonly context: TransformContext;
  /** [d, D]. */
  readonly basis: Floats;
  readonly #buffers = new Map<string, Floats>();
  #held: { source: TensorEntry; matrix: Promise<Floats> } | null = null;

  constructor(context: TransformContext) {
    this.context = context;
    const { basis } = context.rotation;
    this.basis = context.arithmetic === 'float64' ? basis : Float32Array.from(basis);
  }

  /** An array of the arithmetic's type; the same memory for the same name. */
  floats(name: 'input' | 'output', length: number): Floats {
    const known = this.#buffers.get(name);
    if (known && known.length >= length) return known.subarray(0, length);
    const made = this.context.arithmetic === 'float64' ? new Float64Array(length) : new Float32Array(length);
    this.#buffers.set(name, made);
    return made;
  }

  wholeMatrix(source: TensorEntry): Promise<Floats> {
    if (this.#held?.source !== source) this.#held = { source, matrix: readWhole(this.context, source) };
    return this.#held.matrix;
  }
}

async function* only(values: Float64Array): AsyncGenerator<Float64Array, void> {
  yield values;
}

type Of<Kind extends TensorTransform['kind']> = Extract<TensorTransform, { kind: Kind }>;

/** Rows of scale·W·diag(norm)·Q = (scale·W·diag(norm))·basisᵀ, [out, D] to [out, d]. O(count D d). */
async function* turnedColumns(
  what: string,
  { source, norm, scale, interleaves }: Of<'columns'>,
  workspace: Workspace,
  { first, count }: RowRange,
): AsyncGenerator<Floats, void> {
  const { context, basis } = workspace;
  const { model, rotation, headDim, dequantize, linearAlgebra, signal } = context;
  const { size, width } = rotation;
  const factors = norm ? Float64Array.from(await readFloats(model, norm, dequantize)) : new Float64Array(size).fill(1);
  for (let column = 0; column < size; column += 1) factors[column]! *= scale;
  // Rows that change places do so within a head: heads are made whole and cut.
  const unit = interleaves ? headDim : 1;
  const start = Math.floor(first / unit) * unit;
  const end = Math.ceil((first + count) / unit) * unit;
  const partRows = Math.min(end - start, Math.max(1, Math.floor(partElements / size / unit)) * unit);
  const [input, output] = [workspace.floats('input', partRows * size), workspace.floats('output', partRows * width)];
  const decoded = input instanceof Float32Array ? input : new Float32Array(partRows * size);
  for (let row = start; row < end; row += partRows) {
    signal.throwIfAborted();
    const rows = Math.min(partRows, end - row);
    await readRows(context, source, [row, rows], decoded.subarray(0, rows * size));
    const part = input.subarray(0, rows * size);
    scaleInto(part, decoded, factors);
    const b = { rows, inner: size, columns: width, a: part, b: basis, transposeB: true };
    const turned = await linearAlgebra.gemm({ what, ...b, output: output.subarray(0, rows * width) }, signal);
    const [from, to] = [Math.max(first - row, 0), Math.min(first + count - row, rows)];
    yield (interleaves ? interleaved(turned, headDim, width) : turned).subarray(from * width, to * width);
  }
}

/** Rows of scale·Qᵀ·W = scale·basis·W, [D, in] to [d, in]; a vector is turned as one column. O(count D in). */
async function* turnedRows(
  what: string,
  { source, scale }: Of<'rows'>,
  workspace: Workspace,
  { first, count }: RowRange,
): AsyncGenerator<Floats, void> {
  const { context, basis } = workspace;
  const { rotation, linearAlgebra, signal } = context;
  const { size, width } = rotation;
  const isVector = source.shape.length === 1;
  const columns = isVector ? 1 : source.shape[0]!;
  const end = isVector ? width : first + count;
  const matrix = await workspace.wholeMatrix(source);
  const partRows = Math.min(end - first, Math.max(1, Math.floor(partElements / columns)));
  const output = workspace.floats('output', partRows * columns);
  for (let row = first; row < end; row += partRows) {
    signal.throwIfAborted();
    const rows = Math.min(partRows, end - row);
    const a = basis.subarray(row * size, (row + rows) * size);
    const part = output.subarray(0, rows * columns);
    await linearAlgebra.gemm({ what, rows, inner: size, columns, a, b: matrix, output: part }, signal);
    for (let index = 0; index < part.length; index += 1) part[index]! *= scale;
    yield part;
  }
}

/** Vectors: biases and norms of heads. */
async function* copied(
  { source, interleaves }: Of<'copy'>,
  { model, headDim, dequantize }: TransformContext,
): AsyncGenerator<Float64Array, void> {
  const values = Float64Array.from(await readFloats(model, source, dequantize));
  yield interleaves ? interleaved(values, headDim, 1) : values;
}

/** Decodes rows [first, first + count) of a matrix into all of `output`. */
async function readRows(
  { model, dequantize }: TransformContext,
  source: TensorEntry,
  [first, count]: readonly [number, number],
  output: Float32Array,
): Promise<void> {
  const rowBytes = source.bytes / (source.shape[1] ?? 1);
  const bytes = await model.read(source, first * rowBytes, count * rowBytes);
  await decodeFloats(source, bytes, dequantize, output);
}

/** A whole tensor in the arithmetic's type, decoded slab by slab. */
async function readWhole(context: TransformContext, source: TensorEntry): Promise<Floats> {
  if (context.arithmetic === 'float32') return readFloats(context.model, source, context.dequantize);
  const values = new Float64Array(elementCount(source.shape)!);
  if (source.shape.length === 1) {
    values.set(await readFloats(context.model, source, context.dequantize));
    return values;
  }
  const [columns, rows] = source.shape as [number, number];
  const slabRows = Math.max(1, Math.floor(partElements / columns));
  for (let row = 0; row < rows; row += slabRows) {
    const count = Math.min(slabRows, rows - row);
    const slab = new Float32Array(count * columns);
    await readRows(context, source, [row, count], slab);
    values.set(slab, row * columns);
  }
  return values;
}

/** output[r, c] = values[r, c]·factors[c]; both may be the same array. */
function scaleInto(output: Floats, values: Float32Array, factors: Float64Array): void {
  const columns = factors.length;
  for (let start = 0; start < output.length; start += columns) {
    for (let column = 0; column < columns; column += 1) {
      output[start + column] = values[start + column]! * factors[column]!;
    }
  }
}

/** Row s·hd/2 + j of each head goes to row 2j + s: LlamaModel.permute of llama.cpp's converter. Answers a copy. */
function interleaved<Array extends Floats>(values: Array, headDim: number, columns: number): Array {
  const result = values.slice() as Array;
  const head = headDim * columns;
  for (let start = 0; start < values.length; start += head) {
    for (let row = 0; row < headDim; row += 1) {
      const from = start + ((row % 2) * (headDim / 2) + Math.floor(row / 2)) * columns;
      result.set(values.subarray(from, from + columns), start + row * columns);
    }
  }
  return result;
}
