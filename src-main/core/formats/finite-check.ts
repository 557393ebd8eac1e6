// Finds NaN and infinity in tensor bytes. Plain TypeScript: the reference for, and the substitute of, the native check.
import { AppError } from '../../contract/errors.ts';
import { ggmlTypeByName } from './ggml-types.ts';
import { viewAs } from './typed-views.ts';

/** A number is NaN or infinite when all bits of its exponent are set: `low`, the lowest of them, then carries into the sign. */
const exponents = {
  F16: { elementBytes: 2, mask: 0x7c00, low: 0x400, carry: 0x8000 },
  BF16: { elementBytes: 2, mask: 0x7f80, low: 0x80, carry: 0x8000 },
  F32: { elementBytes: 4, mask: 0x7f800000, low: 0x800000, carry: 0x80000000 },
  /** Of the upper half. */
  F64: { elementBytes: 8, mask: 0x7ff00000, low: 0x100000, carry: 0x80000000 },
} as const;

/** Words that are looked at without a branch. */
const blockWords = 4096;

/**
 * Index of the first element that is NaN or infinite, or -1; integers have none. `bytes` [n] elements, little endian.
 * @throws UNSUPPORTED_TYPE for block types, whose scales only ggml reads
 */
export function firstNonFinite(type: string, bytes: Uint8Array): number {
  const format = type in exponents ? exponents[type as keyof typeof exponents] : null;
  if (!format) {
    if ((ggmlTypeByName(type)?.blockSize ?? 1) > 1 || type.startsWith('F8')) {
      throw new AppError('UNSUPPORTED_TYPE', `Elements of ${type} cannot be checked without ggml.`, { type });
    }
    return -1;
  }
  const { elementBytes, mask, low, carry } = format;
  const words = elementBytes === 2 ? viewAs(bytes, Uint16Array) : viewAs(bytes, Int32Array);
  const step = elementBytes === 8 ? 2 : 1;
  for (let start = 0; start < words.length; start += blockWords) {
    const end = Math.min(start + blockWords, words.length);
    let carries = 0;
    for (let index = start + step - 1; index < end; index += step) carries |= (words[index]! & mask) + low;
    if ((carries & carry) === 0) continue;
    for (let index = start + step - 1; index < end; index += step) {
      if ((words[index]! & mask) === mask) return Math.floor(index / step);
    }
  }
  return -1;
}
