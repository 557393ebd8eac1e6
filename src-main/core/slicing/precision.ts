// What a basis is found in: PCA in float64, in float32, or float32 products that are summed in float64. The paper's Table 4
// has what float32 costs; method.md 2.1 has why: a few tokens have activations a thousand times the others', so that the
// trailing directions are below float32's rounding of the first. Weights and shortcuts turn in float64 in all of them.
import type { Precision } from '../../contract/recipe.ts';
import { float32Tolerance, onlyFloat64, orthogonalityTolerance } from '../linear-algebra/checks.ts';
import type { FloatPrecision, GramUpdate, LinearAlgebra } from '../linear-algebra/linear-algebra.ts';

interface PcaArithmetic {
  /** How rows are summed into a Gram. */
  gram: Required<Pick<GramUpdate, 'precision' | 'sums' | 'chunkRows'>>;
  eigenproblem: FloatPrecision;
  /** Largest |QᵀQ - I| of a basis that is taken. */
  orthogonalityTolerance: number;
  /** Largest share of the energy of the kept eigenvalues that the directions may miss, turned within the kept space or not. */
  energyTolerance: number;
}

/** Rows of a chunk; in fp32 it only says how many are multiplied at once. */
const runRows = 2048;

const float64 = { eigenproblem: 'float64', orthogonalityTolerance, energyTolerance: 1e-9 } as const;

export const pcaArithmetic: Readonly<Record<Precision, PcaArithmetic>> = {
  fp64: {
    gram: { precision: 'float64', sums: 'float64', chunkRows: runRows },
    ...float64,
  },
  'fp32-sum64': {
    gram: { precision: 'float32', sums: 'float64', chunkRows: 256 },
    ...float64,
  },
  fp32: {
    gram: { precision: 'float32', sums: 'float32', chunkRows: runRows },
    ...{ eigenproblem: 'float32', orthogonalityTolerance: float32Tolerance, energyTolerance: float32Tolerance },
  },
};

/** ml-matrix has float64 only, and would be better than what was asked for. @throws NATIVE_UNAVAILABLE */
export function requirePrecision(what: string, { library }: LinearAlgebra, precision: Precision): void {
  if (precision !== 'fp64' && library.kind === 'ml-matrix') throw onlyFloat64(what, library.name);
}
