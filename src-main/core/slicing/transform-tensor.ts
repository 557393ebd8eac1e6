// Makes rows of a sliced model's tensors, part by part, in float64, so that nothing is rounded before the cast (through
// float32) at the end; or in float32, where only the function of the model is looked at. Of a tensor whose columns turn
// the rows asked for are read; one whose rows turn is held whole.
// Letters: D hidden size, d width, basis [d, D] = Qᵀ.
import { AppError } from '../../contract/errors.ts';
import type { ModelSource } from '../formats/model-source.ts';
import { elementCount } from '../formats/tensor.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { readFloatRows, readFloats } from '../graph/float-values.ts';
import type { Dequantize } from '../graph/float-values.ts';
import type { Floats, LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import type { RotationFactors } from './seeded-rotation.ts';
import type { SharedRotation } from './shared-rotation.ts';
import type { SlicedTensor, TensorTransform } from './sliced-tensors.ts';
import { denseTurn, factoredTurn } from './turn.ts';
import type { Turn } from './turn.ts';

/** What values are computed in. */
export type Arithmetic = 'float64' | 'float32';
/** A basis, and where products are by factors of it those. */
export type Turning = Pick<SharedRotation, 'size' | 'width' | 'basis'> & { factors?: RotationFactors };

export interface TransformContext {
  model: Pick<ModelSource, 'read' | 'readInto'>;
  rotation: Turning;
  headDim: number;
  arithmetic: Arithmetic;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
  /** Of readers one after the other: one that begins overwrites what those before it answered. @default its own */
  buffers?: RowBuffers;
}

/** Arrays that are made once and grow. */
export class RowBuffers {
  readonly #arrays = new Map<string, Floats>();

  /** The same memory for the same name and type. */
  floats(name: string, arithmetic: Arithmetic, length: number): Floats {
    const key = `${name} ${arithmetic}`;
    const known = this.#arrays.get(key);
    if (known && known.length >= length) return known.subarray(0, length);
    const made = arithmetic === 'float64' ? new Float64Array(length) : new Float32Array(length);
    this.#arrays.set(key, made);
    return made;
  }
}

/** Elements of a part: 16 MiB in float64. */
const partElements = 2 ** 21;

/** Rows of a tensor; a vector is one row. */
export interface RowRange {
  first: number;
  count: number;
}

/**
 * Yields the rows asked for in order, in parts; single rows only of what turns its columns. A part is overwritten by the
 * next one, also of the next read.
 */
export type SlicedRowReader = (
  tensor: Pick<SlicedTensor, 'name' | 'transform'>,
  rows: RowRange | Int32Array,
) => AsyncGenerator<Floats, void>;

/**
 * Reads rows of sliced tensors, one read at a time. What is held between reads: the basis in the arithmetic's type, the
 * last matrix whose rows turned, and the buffers of a part. Reads throw NON_FINITE naming the source's tensor,
 * UNSUPPORTED_TYPE, NUMERICAL_FAILURE, the reason of the signal.
 */
export function slicedRowReader(context: TransformContext): SlicedRowReader {
  const workspace = new Workspace(context);
  return ({ name, transform }, range) => {
    if (range instanceof Int32Array) return gatheredColumns(name, transform, workspace, range);
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

/** What reads share. */
class Workspace {
  readonly context: TransformContext;
  readonly turn: Turn;
  readonly #buffers: RowBuffers;
  #held: { source: TensorEntry; matrix: Promise<Floats> } | null = null;

  constructor(context: TransformContext) {
    this.context = context;
    const { rotation, arithmetic, buffers = new RowBuffers() } = context;
    this.#buffers = buffers;
    const { size, basis, factors } = rotation;
    const own = (values: Float64Array): Floats => (arithmetic === 'float64' ? values : Float32Array.from(values));
    if (factors) {
      const { count, directions, turned } = factors;
      this.turn = factoredTurn({ size, count, directions: own(directions), turned: own(turned) }, context);
    } else {
      this.turn = denseTurn(rotation, own(basis), context);
    }
  }

  /** An array of the arithmetic's type; the same memory for the same name. */
  floats(name: 'input' | 'output' | 'matrix', length: number): Floats {
    return this.#buffers.floats(name, this.context.arithmetic, length);
  }

  /** What a model's values are decoded into; for float32 the input itself. */
  decoded(length: number): Float32Array {
    return this.#buffers.floats('input', 'float32', length) as Float32Array;
  }

  /** Of the last tensor that was asked for. */
  wholeMatrix(source: TensorEntry): Promise<Floats> {
    if (this.#held?.source !== source) {
      const matrix = this.floats('matrix', elementCount(source.shape)!);
      this.#held = { source, matrix: readWhole(this, source, matrix) };
    }
    return this.#held.matrix;
  }
}

async function* only(values: Float64Array): AsyncGenerator<Float64Array, void> {
  yield values;
}

type Of<Kind extends TensorTransform['kind']> = Extract<TensorTransform, { kind: Kind }>;

/** Rows of scale·W·diag(norm)·Q = (scale·W·diag(norm))·basisᵀ, [out, D] to [out, d]. */
async function* turnedColumns(
  what: string,
  transform: Of<'columns'>,
  workspace: Workspace,
  { first, count }: RowRange,
): AsyncGenerator<Floats, void> {
  const { source, interleaves } = transform;
  const { model, headDim, rotation, dequantize, signal } = workspace.context;
  const { size, width } = rotation;
  // Rows that change places do so within a head: heads are made whole and cut.
  const unit = interleaves ? headDim : 1;
  const start = Math.floor(first / unit) * unit;
  const end = Math.ceil((first + count) / unit) * unit;
  const partRows = Math.min(end - start, Math.max(1, Math.floor(partElements / size / unit)) * unit);
  const turn = await columnTurner(what, transform, workspace, partRows);
  for (let row = start; row < end; row += partRows) {
    signal.throwIfAborted();
    const rows = Math.min(partRows, end - row);
    const turned = await turn(rows, (decoded) =>
      readFloatRows({ model, entry: source, firstRow: row }, dequantize, decoded),
    );
    const [from, to] = [Math.max(first - row, 0), Math.min(first + count - row, rows)];
    yield (interleaves ? interleaved(turned, headDim, width) : turned).subarray(from * width, to * width);
  }
}

/** Single rows of what turnedColumns makes. */
async function* gatheredColumns(
  what: string,
  transform: TensorTransform,
  workspace: Workspace,
  places: Int32Array,
): AsyncGenerator<Floats, void> {
  if (transform.kind !== 'columns' || transform.interleaves) {
    throw new AppError('INTERNAL', `Single rows of ${what} cannot be made: they do not turn by themselves.`, { what });
  }
  const { source } = transform;
  const { model, rotation, dequantize, signal } = workspace.context;
  const { size } = rotation;
  const partRows = Math.min(places.length, Math.max(1, Math.floor(partElements / size)));
  const turn = await columnTurner(what, transform, workspace, partRows);
  for (let start = 0; start < places.length; start += partRows) {
    signal.throwIfAborted();
    const part = places.subarray(start, start + partRows);
    yield turn(part.length, async (decoded) => {
      for (const [row, place] of part.entries()) {
        await readFloatRows(
          { model, entry: source, firstRow: place },
          dequantize,
          decoded.subarray(row * size, (row + 1) * size),
        );
      }
    });
  }
}

/** Turns up to `mostRows` rows that `read` puts into what it is given, [rows, D]. The next answer overwrites the last. */
async function columnTurner(
  what: string,
  { norm, scale }: Pick<Of<'columns'>, 'norm' | 'scale'>,
  workspace: Workspace,
  mostRows: number,
): Promise<(rows: number, read: (decoded: Float32Array) => Promise<unknown>) => Promise<Floats>> {
  const { model, rotation, dequantize } = workspace.context;
  const { size, width } = rotation;
  const factors = norm ? Float64Array.from(await readFloats(model, norm, dequantize)) : new Float64Array(size).fill(1);
  for (let column = 0; column < size; column += 1) factors[column]! *= scale;
  const [input, output] = [workspace.floats('input', mostRows * size), workspace.floats('output', mostRows * width)];
  const values = workspace.decoded(mostRows * size);
  return async (rows, read) => {
    const [decoded, part] = [values.subarray(0, rows * size), input.subarray(0, rows * size)];
    await read(decoded);
    scaleInto(part, decoded, factors);
    const turned = output.subarray(0, rows * width);
    await workspace.turn.columns(what, part, turned);
    return turned;
  };
}

/** Rows of scale·Qᵀ·W = scale·basis·W, [D, in] to [d, in]; a vector is turned as one column. */
async function* turnedRows(
  what: string,
  { source, scale }: Of<'rows'>,
  workspace: Workspace,
  { first, count }: RowRange,
): AsyncGenerator<Floats, void> {
  const { rotation, signal } = workspace.context;
  const isVector = source.shape.length === 1;
  const columns = isVector ? 1 : source.shape[0]!;
  const end = isVector ? rotation.width : first + count;
  const turn = await workspace.turn.rows(what, await workspace.wholeMatrix(source));
  const partRows = Math.min(end - first, Math.max(1, Math.floor(partElements / columns)));
  const output = workspace.floats('output', partRows * columns);
  for (let row = first; row < end; row += partRows) {
    signal.throwIfAborted();
    const rows = Math.min(partRows, end - row);
    const part = output.subarray(0, rows * columns);
    await turn(row, part);
    if (scale !== 1) for (let index = 0; index < part.length; index += 1) part[index]! *= scale;
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

/** Fills `values`, all elements of a tensor, slab by slab. */
async function readWhole(workspace: Workspace, source: TensorEntry, values: Floats): Promise<Floats> {
  const { model, dequantize } = workspace.context;
  if (values instanceof Float32Array) return readFloats(model, source, dequantize, values);
  const columns = source.shape[0]!;
  const slabRows = Math.max(1, Math.floor(partElements / columns));
  for (let start = 0; start < values.length; start += slabRows * columns) {
    const slab = workspace.decoded(Math.min(slabRows * columns, values.length - start));
    values.set(await readFloatRows({ model, entry: source, firstRow: start / columns }, dequantize, slab), start);
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
