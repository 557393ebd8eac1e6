// Every tensor type of GGUF: id, elements and bytes per block.
// Source: ggml/include/ggml.h (enum ggml_type), ggml/src/ggml-common.h (block structs) and ggml/src/ggml.c
// (type_traits) of ggml v0.4.0. Removed types (ids 4, 5, 31-33, 36-38) are unknown here as they are there.
import { AppError } from '../../contract/errors.ts';
import { elementCount } from './tensor.ts';

export interface GgmlType {
  readonly id: number;
  /** Name of the enum without its prefix: `Q4_K`, `IQ2_XXS`, `BF16`. */
  readonly name: string;
  /** Elements per block; a row is a whole number of blocks. */
  readonly blockSize: number;
  /** Bytes per block. */
  readonly typeSize: number;
}

const rows: readonly (readonly [id: number, name: string, blockSize: number, typeSize: number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36],
  [41, 'Q1_0', 128, 18],
  [42, 'Q2_0', 64, 18],
];

export const ggmlTypes: readonly GgmlType[] = rows.map(([id, name, blockSize, typeSize]) => ({
  id,
  name,
  blockSize,
  typeSize,
}));

const byId = new Map(ggmlTypes.map((type) => [type.id, type]));
const byName = new Map(ggmlTypes.map((type) => [type.name, type]));

export function ggmlTypeById(id: number): GgmlType | undefined {
  return byId.get(id);
}

/** Finds a type by its name, in any case (llama.cpp itself writes `q4_K`). */
export function ggmlTypeByName(name: string): GgmlType | undefined {
  return byName.get(name.toUpperCase());
}

function knownType(name: string): GgmlType {
  const type = ggmlTypeByName(name);
  if (!type) {
    throw new AppError(
      'UNSUPPORTED_TYPE',
      `${name} is not a GGUF tensor type; known: ${ggmlTypes.map((known) => known.name).join(', ')}.`,
      { type: name },
    );
  }
  return type;
}

/**
 * Bytes of a tensor of this type; `shape` has the fastest dimension first.
 * @throws UNSUPPORTED_TYPE when the type is unknown, a row is not a whole number of blocks, or the size passes 2^53
 */
export function tensorBytes(typeName: string, shape: readonly number[]): number {
  const type = knownType(typeName);
  const elements = elementCount(shape);
  const bytes = elements === null ? Infinity : (elements / type.blockSize) * type.typeSize;
  if ((shape[0] ?? 1) % type.blockSize !== 0 || !Number.isSafeInteger(bytes)) {
    throw new AppError(
      'UNSUPPORTED_TYPE',
      `A tensor of shape ${shape.join(' x ')} cannot be ${type.name}: its rows have to be multiples of ${type.blockSize}.`,
      {
        type: type.name,
        shape: [...shape],
        blockSize: type.blockSize,
      },
    );
  }
  return bytes;
}

/** Bits per element, scales included. @throws UNSUPPORTED_TYPE */
export function bitsPerWeight(typeName: string): number {
  const type = knownType(typeName);
  return (type.typeSize * 8) / type.blockSize;
}
