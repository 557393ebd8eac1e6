// The basis of each site: principal directions of the residual that the already sliced network has there (SliceGPT §3.3;
// method.md 1.4). C = Σ xᵀx over all tokens, without centring and without dividing by their number.
// Letters: D hidden size, d width of the site.
import type { Precision } from '../../../contract/recipe.ts';
import { requireBelow } from '../../linear-algebra/checks.ts';
import type { LinearAlgebra } from '../../linear-algebra/linear-algebra.ts';
import { orientBasis } from '../orientation.ts';
import type { Orientation } from '../orientation.ts';
import { pcaArithmetic, requirePrecision } from '../precision.ts';
import { columnsAsRows, distanceFromOrthonormal } from '../shared-rotation.ts';

/** `raw`: the residual as it is, as the released code has it. `normed`: behind RMSN, every token counts the same (paper eq. 8). */
export type Signals = 'raw' | 'normed';

export interface Site {
  /** 0 is the embedding. */
  index: number;
  name: string;
  /** d. */
  width: number;
  /** D. */
  size: number;
}

export interface SiteBasis {
  /** [d, D] float64, orthonormal rows: (Q[:, :d])ᵀ. */
  basis: Float64Array;
  /** [D - d, D] float64, orthonormal rows: the directions that go. */
  complement: Float64Array;
  /** [D] float64, descending: eigenvalues of C with the damping on its diagonal. */
  eigenvalues: Float64Array;
  /** What was added to the diagonal of C. */
  damping: number;
  /** Share of C's trace, undamped, in the directions that go. */
  energyLost: number;
  /** Largest |QᵀQ - I|. */
  orthogonality: number;
}

/** Chooses a site's basis by its Gram C [D, D] float64 (upper triangle), which may be overwritten. */
export type FindBasis = (site: Site, gram: Float64Array) => Promise<SiteBasis>;

export interface PcaOptions {
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
  orientation: Orientation;
  /** Of the orientation; site i takes seed + i. */
  seed: number;
  /** Of the eigenproblem. @default 'fp64' */
  precision?: Precision;
}

/** Added to the diagonal of C as a share of its mean, as the released pca_calc has it: shifts eigenvalues, Q stays. */
const dampingShare = 0.01;

/**
 * PCA in float64, or in float32 for `fp32` (widened; what it lost of orthogonality is told): C + 0.01·mean(diag C)·I =
 * Q Λ Qᵀ. O(9 D³); memory 4 D² doubles.
 * @throws NUMERICAL_FAILURE naming the site: no convergence, lost orthogonality, NaN; NATIVE_UNAVAILABLE
 */
export function pcaBasis({ linearAlgebra, signal, orientation, seed, precision = 'fp64' }: PcaOptions): FindBasis {
  const { eigenproblem, orthogonalityTolerance } = pcaArithmetic[precision];
  return async (site, gram) => {
    const { name: what, width, size } = site;
    let trace = 0;
    for (let index = 0; index < size; index += 1) trace += gram[index * (size + 1)]!;
    const damping = (dampingShare * trace) / size;
    for (let index = 0; index < size; index += 1) gram[index * (size + 1)]! += damping;
    const { values, vectors } = await linearAlgebra.eigh({ what, matrix: gram, size, precision: eigenproblem }, signal);
    const [basis, complement] = [columnsAsRows(vectors, size, [0, width]), columnsAsRows(vectors, size, [width, size])];
    await orientBasis(
      basis,
      { width, size },
      { orientation, seed: seed + site.index },
      { what, linearAlgebra, signal },
    );
    const orthogonality = await distanceFromOrthonormal(basis, { width, size }, { what, linearAlgebra, signal });
    requireBelow(what, 'the largest |QᵀQ - I|', orthogonality, orthogonalityTolerance);
    const dropped = values.subarray(width).reduce((sum, value) => sum + value - damping, 0);
    return {
      basis,
      complement,
      eigenvalues: values,
      damping,
      energyLost: trace > 0 ? dropped / trace : 0,
      orthogonality,
    };
  };
}

export interface SiteGramOptions {
  site: Pick<Site, 'name' | 'size'>;
  signals: Signals;
  normEps: number;
  /** @default 'fp64' */
  precision?: Precision;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
}

/** Sums a site's Gram over runs; by default in true float64: of raw signals a few tokens are 1e3 times the others (method.md 2.1). */
export class SiteGram {
  /** [D, D] float64, upper triangle: the sum so far. */
  readonly gram: Float64Array;
  readonly #options: SiteGramOptions;

  /** @throws NATIVE_UNAVAILABLE where there is only float64 and less is asked for */
  constructor(options: SiteGramOptions) {
    requirePrecision(options.site.name, options.linearAlgebra, options.precision ?? 'fp64');
    this.#options = options;
    this.gram = new Float64Array(options.site.size ** 2);
  }

  /** Adds `values` [rows, D] float32; they stay as they are. @throws NUMERICAL_FAILURE naming the site */
  async add(values: Float32Array, rows: number): Promise<void> {
    const { site, signals, normEps, precision = 'fp64', linearAlgebra, signal } = this.#options;
    const { name: what, size } = site;
    const update = { what, rows, size, gram: this.gram, ...pcaArithmetic[precision].gram };
    const rowValues = signals === 'raw' ? values : normedRows(values, size, normEps);
    await linearAlgebra.gramAccumulate({ ...update, values: rowValues }, signal);
  }
}

/** x / sqrt(Σx²/D + eps) of every row. */
function normedRows(values: Float32Array, size: number, eps: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += size) {
    let sum = 0;
    for (let index = start; index < start + size; index += 1) sum += values[index]! ** 2;
    const scale = 1 / Math.sqrt(sum / size + eps);
    for (let index = start; index < start + size; index += 1) result[index] = values[index]! * scale;
  }
  return result;
}
