// Finds NaN and infinity in tensor bytes. Plain TypeScript: the reference for, and the substitute of, the native check.
import { AppError } from '../../contract/errors.ts';
import { ggmlTypeByName } from './ggml-types.ts';
import { viewAs } from './typed-views.ts';

/** A number is NaN or infinite when all bits of its exponent are set. */
const exponents = {
  F16: { elementBytes: 2, mask: 0x7c00 },
  BF16: { elementBytes: 2, mask: 0x7f80 },
  F32: { elementBytes: 4, mask: 0x7f800000 },
  /** Of the upper half. */
  F64: { elementBytes: 8, mask: 0x7ff00000 },
} as const;

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
  const { elementBytes, mask } = format;
  const words = elementBytes === 2 ? viewAs(bytes, Uint16Array) : viewAs(bytes, Uint32Array);
  const step = elementBytes === 8 ? 2 : 1;
  for (let index = step - 1; index < words.length; index += step) {
    if ((words[index]! & mask) === mask) return Math.floor(index / step);
  }
  return -1;
}
