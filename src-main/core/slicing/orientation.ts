// Turns a basis inside the space it spans. The function of the sliced model stays what it was; what changes is how a
// quantiser meets it: a Hadamard-like turn spreads outliers over all columns (QuaRot, arXiv 2404.00456).
// Source: SliceGPT's final_orientation 'random' (method.md 1.4), here seeded and from normal numbers, so that it is Haar.
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import { seededRandom } from '../texts/seeded-random.ts';

export const orientations = ['pca', 'random', 'hadamard'] as const;
export type Orientation = (typeof orientations)[number];

export interface OrientedBasis {
  /** [width, size] float64, orthonormal rows. */
  basis: Float64Array;
  /** Order of the Walsh-Hadamard part (a power of two), 1 where there is none. */
  hadamardOrder: number;
  /** Order of the seeded random part, from a QR factorisation: what the width has besides a power of two; 1 for none. */
  randomOrder: number;
}

interface BasisShape {
  width: number;
  size: number;
}

export interface OrientationContext {
  /** Whose basis it is, for errors. */
  what: string;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
}

/**
 * `pca`: as it is. `random`: R·basis with R Haar-distributed. `hadamard`: (H ⊗ R)·S·basis / sqrt(order of H), with
 * random signs S, H the Walsh-Hadamard matrix of the largest power of two in the width and R random of the odd rest.
 * `basis` [width, size] float64 is overwritten. @throws NUMERICAL_FAILURE. O(width² size) for `random`, O(width size (log width + rest)) otherwise.
 */
export async function orientBasis(
  basis: Float64Array,
  { width, size }: BasisShape,
  { orientation, seed }: { orientation: Orientation; seed: number },
  { what, linearAlgebra, signal }: OrientationContext,
): Promise<OrientedBasis> {
  if (orientation === 'pca') return { basis, hadamardOrder: 1, randomOrder: 1 };
  const random = seededRandom(seed);
  const hadamardOrder = orientation === 'hadamard' ? powerOfTwoIn(width) : 1;
  const randomOrder = width / hadamardOrder;
  if (orientation === 'hadamard') flipSigns(basis, { width, size }, random);
  if (randomOrder > 1) {
    const shape = {
      what: `${what}, the random orientation of ${randomOrder} directions`,
      rows: randomOrder,
      columns: randomOrder,
    };
    const mix = await orthonormalNormals(shape, random, { linearAlgebra, signal });
    await mixBlocks(basis, { width, size }, mix, { what, linearAlgebra, signal });
  }
  walshHadamard(basis, { width, size }, randomOrder);
  return { basis, hadamardOrder, randomOrder };
}

/** The largest power of two that divides `width`. */
export function powerOfTwoIn(width: number): number {
  let power = 1;
  while (width % (power * 2) === 0) power *= 2;
  return power;
}

/** [rows, columns] float64, Haar-distributed orthonormal columns: Q of normal numbers, whose R has a positive diagonal. */
export async function orthonormalNormals(
  { what, rows, columns }: { what: string; rows: number; columns: number },
  random: () => number,
  { linearAlgebra, signal }: Omit<OrientationContext, 'what'>,
): Promise<Float64Array> {
  const matrix = Float64Array.from({ length: rows * columns }, () => {
    // Box-Muller; 1 - u is never 0.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random());
  });
  return (await linearAlgebra.qr({ what, matrix, rows, columns }, signal)).q;
}

function flipSigns(basis: Float64Array, { width, size }: BasisShape, random: () => number): void {
  for (let row = 0; row < width; row += 1) {
    if (random() < 0.5) continue;
    for (let index = row * size; index < (row + 1) * size; index += 1) basis[index] = -basis[index]!;
  }
}

/** Every block of `mix`'s order rows becomes mix·block, in place: (I ⊗ mix)·basis. */
async function mixBlocks(
  basis: Float64Array,
  { width, size }: BasisShape,
  mix: Float64Array,
  { what: basisName, linearAlgebra, signal }: OrientationContext,
): Promise<void> {
  const order = Math.sqrt(mix.length);
  const what = `${basisName}, the orientation of the kept directions`;
  const product = { what, rows: order, inner: order, columns: size, a: mix };
  for (let row = 0; row < width; row += order) {
    const block = basis.slice(row * size, (row + order) * size);
    await linearAlgebra.gemm(
      { ...product, b: block, output: basis.subarray(row * size, (row + order) * size) },
      signal,
    );
  }
}

/** Fast Walsh-Hadamard transform over blocks of `blockRows` rows, in place: (H ⊗ I)·basis / sqrt(order). */
function walshHadamard(basis: Float64Array, { width, size }: BasisShape, blockRows: number): void {
  const length = width * size;
  for (let half = blockRows * size; half < length; half *= 2) {
    for (let start = 0; start < length; start += 2 * half) {
      for (let index = start; index < start + half; index += 1) {
        const [a, b] = [basis[index]!, basis[index + half]!];
        basis[index] = a + b;
        basis[index + half] = a - b;
      }
    }
  }
  const scale = 1 / Math.sqrt(width / blockRows);
  if (scale !== 1) for (let index = 0; index < length; index += 1) basis[index]! *= scale;
}
