// Reads tensors of any type as float32, a slab of rows at a time. NaN and infinity are refused where they are read.
import { AppError } from '../../contract/errors.ts';
import { firstNonFinite } from '../formats/finite-check.ts';
import { decodeFloatBytes, isFloatType } from '../formats/float-values.ts';
import type { ModelSource } from '../formats/model-source.ts';
import { elementPlace, type TensorEntry } from '../formats/tensor.ts';
import { bytesOf } from '../formats/typed-views.ts';

/** Decodes `source`, elements of a block type, into all of `output`; ggml's kernels stand behind it. */
export type Dequantize = (type: string, source: Uint8Array, output: Float32Array) => Promise<void>;

/** Bytes of a tensor that are held besides its float32 values. */
const slabBytes = 16 * 2 ** 20;

/** Reads a tensor. Answers all its elements, row-major, in `target` where one is given. @throws NON_FINITE, UNSUPPORTED_TYPE */
export function readFloats(
  model: Pick<ModelSource, 'read' | 'readInto'>,
  entry: TensorEntry,
  dequantize: Dequantize,
  target: Float32Array = new Float32Array(entry.shape.reduce((product, size) => product * size, 1)),
): Promise<Float32Array> {
  return readFloatRows({ model, entry, firstRow: 0 }, dequantize, target);
}

/** Fills `target` with whole rows of a tensor, from `firstRow` on. @throws NON_FINITE, UNSUPPORTED_TYPE */
export async function readFloatRows(
  { model, entry, firstRow }: { model: Pick<ModelSource, 'read' | 'readInto'>; entry: TensorEntry; firstRow: number },
  dequantize: Dequantize,
  target: Float32Array,
): Promise<Float32Array> {
  const columns = entry.shape[0] ?? 1;
  const rowBytes = (entry.bytes / entry.shape.reduce((product, size) => product * size, 1)) * columns;
  if (entry.type === 'F32') {
    await model.readInto(entry, bytesOf(target), firstRow * rowBytes);
    requireFinite(target, { entry, elementOf: (index) => firstRow * columns + index });
    return target;
  }
  const rows = target.length / columns;
  const slabRows = Math.max(1, Math.floor(slabBytes / rowBytes));
  const slab = takeSlab(Math.min(slabRows, rows) * rowBytes);
  for (let row = 0; row < rows; row += slabRows) {
    const count = Math.min(slabRows, rows - row);
    const source = slab.subarray(0, count * rowBytes);
    await model.readInto(entry, source, (firstRow + row) * rowBytes);
    const elementOf = (index: number): number => (firstRow + row) * columns + index;
    const output = target.subarray(row * columns, (row + count) * columns);
    await decodeFloats({ entry, elementOf }, source, dequantize, output);
  }
  spare = slab;
  return target;
}

/** Kept from one read to the next: a buffer for every tensor would be work for the collector. At most a slab. */
let spare = new Uint8Array();

/** Memory that no other read uses until it is spare again. */
function takeSlab(bytes: number): Uint8Array<ArrayBuffer> {
  const taken = spare.length >= bytes ? spare : new Uint8Array(bytes);
  spare = new Uint8Array();
  return taken;
}

/** What a buffer holds of a tensor. */
export interface FloatPlaces {
  entry: TensorEntry;
  /** The element of `entry` that is element `index` of the buffer. */
  elementOf: (index: number) => number;
}

/** Decodes whole rows of a tensor, `source`, into all of `output`. @throws NON_FINITE, UNSUPPORTED_TYPE */
export async function decodeFloats(
  places: FloatPlaces,
  source: Uint8Array,
  dequantize: Dequantize,
  output: Float32Array,
): Promise<void> {
  const { type } = places.entry;
  if (isFloatType(type)) decodeFloatBytes(source, type, output);
  else await dequantize(type, source, output);
  requireFinite(output, places);
}

/** @throws NON_FINITE naming the tensor and its element */
function requireFinite(values: Float32Array, { entry, elementOf }: FloatPlaces): void {
  const index = firstNonFinite('F32', bytesOf(values));
  if (index === -1) return;
  const value = String(values[index]);
  const { element, position } = elementPlace(entry, elementOf(index));
  const message = `Tensor ${entry.name} holds ${value} in element ${element} at [${position.join(', ')}]: the file is damaged or was converted badly.`;
  throw new AppError('NON_FINITE', message, { tensor: entry.name, element, position, value });
}
