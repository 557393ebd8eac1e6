// A rotation that no text has to be run for: random directions V are turned among themselves by a random R, and the rest
// stays. Q = I + V·(R - I)·Vᵀ is dense and not symmetric, and products with it cost a share of those with a basis.
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import { seededRandom } from '../texts/seeded-random.ts';
import { orthonormalNormals } from './orientation.ts';
import { distanceFromOrthonormal } from './shared-rotation.ts';
import type { RotationForm, SharedRotation } from './shared-rotation.ts';

/** Q = I + V·Aᵀ with A = V·(R - I)ᵀ; both [D, k] float64. */
export interface RotationFactors {
  count: number;
  directions: Float64Array;
  turned: Float64Array;
}

export interface SeededRotation extends RotationForm, Pick<SharedRotation, 'basis' | 'orthogonality'> {
  factors: RotationFactors;
}

/** k / D: a quarter of the products with a basis. Columns of Q then have 0.23 of their energy beside the diagonal. */
const turnedShare = 1 / 8;

/** The same for the same size and seed. O(2 D³), for the check of orthogonality; memory 2 D² doubles. @throws NUMERICAL_FAILURE */
export async function seededRotation(
  size: number,
  seed: number,
  ports: { linearAlgebra: LinearAlgebra; signal: AbortSignal },
): Promise<SeededRotation> {
  const { linearAlgebra, signal } = ports;
  const what = 'a seeded rotation';
  const random = seededRandom(seed);
  const count = Math.max(1, Math.round(size * turnedShare));
  const directions = await orthonormalNormals({ what, rows: size, columns: count }, random, ports);
  const change = await orthonormalNormals({ what, rows: count, columns: count }, random, ports);
  for (let index = 0; index < count; index += 1) change[index * (count + 1)]! -= 1;
  const shape = { what, rows: size, inner: count, transposeB: true };
  const turned = await linearAlgebra.gemm({ ...shape, columns: count, a: directions, b: change }, signal);
  const basis = await linearAlgebra.gemm({ ...shape, columns: size, a: turned, b: directions }, signal);
  for (let index = 0; index < size; index += 1) basis[index * (size + 1)]! += 1;
  return {
    ...{ size, width: size, basis, orientation: { kind: 'random', seed }, factors: { count, directions, turned } },
    orthogonality: await distanceFromOrthonormal(basis, { width: size, size }, { what, ...ports }),
  };
}
