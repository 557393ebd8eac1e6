// Tensor bytes of floating-point types as numbers, and from one type to another. Little endian.
import { decodeBrain, decodeHalf, encodeBrain, encodeHalf } from './half-precision.ts';
import { bytesOf, viewAs } from './typed-views.ts';
import type { WeightType } from './weight-types.ts';

export type FloatType = 'F64' | 'F32' | 'F16' | 'BF16';
const elementBytes: Readonly<Record<FloatType, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

export function isFloatType(type: string): type is FloatType {
  return type in elementBytes;
}

export function bytesPerElement(type: FloatType): number {
  return elementBytes[type];
}

/** Decodes `bytes` [n] of `type` into all of `output` [n] float32; float64 is rounded, the others are exact. */
export function decodeFloatBytes(bytes: Uint8Array, type: FloatType, output: Float32Array): void {
  switch (type) {
    case 'F64':
      return output.set(viewAs(bytes, Float64Array));
    case 'F32':
      return bytesOf(output).set(bytes);
    case 'F16':
      return decodeHalf(viewAs(bytes, Uint16Array), output);
    case 'BF16':
      return decodeBrain(viewAs(bytes, Uint16Array), output);
  }
}

/** `bytes` [n] of `source` as [n] of `target`, rounded to nearest even; the same bytes where nothing changes. */
export type ConvertFloats = (bytes: Uint8Array, source: FloatType, target: WeightType) => Uint8Array;

export const convertFloats: ConvertFloats = (bytes, source, target) => floatConverter()(bytes, source, target);

/** As convertFloats, for one tensor after the other: an answer is overwritten by the next. */
export function floatConverter(): ConvertFloats {
  let [wide, narrow] = [new Float32Array(), new Uint16Array()];
  return (bytes, source, target) => {
    if (source === target) return bytes;
    const length = bytes.length / elementBytes[source];
    if (wide.length < length) wide = new Float32Array(length);
    const values = wide.subarray(0, length);
    decodeFloatBytes(bytes, source, values);
    if (target === 'F32') return bytesOf(values);
    if (narrow.length < length) narrow = new Uint16Array(length);
    const output = narrow.subarray(0, length);
    if (target === 'F16') encodeHalf(values, output);
    else encodeBrain(values, output);
    return bytesOf(output);
  };
}

/** Element `index` of `bytes`. */
export function floatAt(bytes: Uint8Array, type: FloatType, index: number): number {
  const size = elementBytes[type];
  const one = bytes.slice(index * size, (index + 1) * size);
  if (type === 'F64') return new DataView(one.buffer).getFloat64(0, true);
  const [value] = viewAs(convertFloats(one, type, 'F32'), Float32Array);
  return value!;
}
