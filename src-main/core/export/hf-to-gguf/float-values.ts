// Tensor bytes between floating-point types, rounding to nearest even as torch, numpy and ggml do.

export type FloatType = 'F64' | 'F32' | 'F16' | 'BF16';
const elementBytes: Readonly<Record<FloatType, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

export function isFloatType(type: string): type is FloatType {
  return type in elementBytes;
}

export function bytesPerElement(type: FloatType): number {
  return elementBytes[type];
}

/** `bytes` [n] of `source` as [n] of `target`; the same bytes where nothing changes. Little endian. */
export function convertFloats(bytes: Uint8Array, source: FloatType, target: 'F32' | 'F16' | 'BF16'): Uint8Array {
  if (source === target) return bytes;
  const values = toFloat32(bytes, source);
  if (target === 'F32') return bytesOf(values);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const output = new Uint16Array(bits.length);
  // Two plain loops: Uint16Array.from with a function takes ten times as long.
  if (target === 'F16') for (let i = 0; i < bits.length; i += 1) output[i] = toHalf(bits[i]!);
  else for (let i = 0; i < bits.length; i += 1) output[i] = toBrain(bits[i]!);
  return bytesOf(output);
}

/** Element `index` of `bytes`. */
export function floatAt(bytes: Uint8Array, type: FloatType, index: number): number {
  const size = elementBytes[type];
  const one = bytes.slice(index * size, (index + 1) * size);
  return type === 'F64' ? new DataView(one.buffer).getFloat64(0, true) : toFloat32(one, type)[0]!;
}

function toFloat32(bytes: Uint8Array, type: FloatType): Float32Array {
  // A copy starts at an even address, which the views need.
  const { buffer } = bytes.slice();
  if (type === 'F32') return new Float32Array(buffer);
  if (type === 'F64') return Float32Array.from(new Float64Array(buffer));
  const halves = new Uint16Array(buffer);
  const bits = new Uint32Array(halves.length);
  const table = halfBits();
  if (type === 'BF16') for (let i = 0; i < halves.length; i += 1) bits[i] = halves[i]! << 16;
  else for (let i = 0; i < halves.length; i += 1) bits[i] = table[halves[i]!]!;
  return new Float32Array(bits.buffer);
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

let halfTable: Uint32Array | null = null;

/** Bits in float32 of all 65,536 halves, made when first needed. */
function halfBits(): Uint32Array {
  halfTable ??= new Uint32Array(Float32Array.from({ length: 65_536 }, (_, half) => halfValue(half)).buffer);
  return halfTable;
}

function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** float32 bits -> bfloat16 bits, of finite numbers. */
function toBrain(bits: number): number {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** float32 bits -> float16 bits, of finite numbers; too large ones become infinity. */
function toHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Below 2^-14: units of 2^-24. Below 2^-25 everything is 0.
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const half = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (half + (rest > middle || (rest === middle && (half & 1) === 1) ? 1 : 0));
}
