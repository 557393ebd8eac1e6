// Reads tensors of any type as float32, a slab of rows at a time. NaN and infinity are refused where they are read.
import { AppError } from '../../contract/errors.ts';
import type { ModelSource } from '../formats/model-source.ts';
import type { TensorEntry } from '../formats/tensor.ts';

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
    return checked(entry, target);
  }
  const rows = target.length / columns;
  const slabRows = Math.max(1, Math.floor(slabBytes / rowBytes));
  for (let row = 0; row < rows; row += slabRows) {
    const count = Math.min(slabRows, rows - row);
    const source = await model.read(entry, (firstRow + row) * rowBytes, count * rowBytes);
    await decodeFloats(entry, source, dequantize, target.subarray(row * columns, (row + count) * columns));
  }
  return target;
}

/** Decodes whole rows of a tensor, `source`, into all of `output`. @throws NON_FINITE, UNSUPPORTED_TYPE */
export async function decodeFloats(
  entry: TensorEntry,
  source: Uint8Array,
  dequantize: Dequantize,
  output: Float32Array,
): Promise<void> {
  switch (entry.type) {
    case 'F32':
      bytesOf(output).set(source);
      break;
    case 'F16':
      decodeHalf(source, output);
      break;
    case 'BF16':
      decodeBrain(source, output);
      break;
    case 'F64': {
      const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
      for (let index = 0; index < output.length; index += 1) output[index] = view.getFloat64(index * 8, true);
      break;
    }
    default:
      await dequantize(entry.type, source, output);
  }
  checked(entry, output);
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function words(source: Uint8Array): Uint16Array {
  const bytes = source.byteOffset % 2 === 0 ? source : new Uint8Array(source);
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** The upper half of a float32 is a bfloat16. */
function decodeBrain(source: Uint8Array, output: Float32Array): void {
  const bits = new Uint32Array(output.buffer, output.byteOffset, output.length);
  const values = words(source);
  for (let index = 0; index < bits.length; index += 1) bits[index] = values[index]! << 16;
}

/** Float32 of every float16: 256 KiB, made at first use. */
let halves: Float32Array | null = null;

function decodeHalf(source: Uint8Array, output: Float32Array): void {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfValue(bits));
  const values = words(source);
  for (let index = 0; index < output.length; index += 1) output[index] = halves[values[index]!]!;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** @throws NON_FINITE naming the tensor */
function checked(entry: TensorEntry, values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const exponent = 0x7f800000;
  for (let index = 0; index < bits.length; index += 1) {
    if ((bits[index]! & exponent) !== exponent) continue;
    const value = values[index]!;
    throw new AppError(
      'NON_FINITE',
      `Tensor ${entry.name} holds ${value}: the file is damaged or was converted badly.`,
      {
        tensor: entry.name,
        element: index,
        value: String(value),
      },
    );
  }
  return values;
}
