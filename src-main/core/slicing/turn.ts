// How matrices are brought into another basis of the residual: by a product with the whole basis, or by factors of it,
// which costs less. Letters: D hidden size, d width, k columns of the factors, Q [D, d], basis [d, D] = Qᵀ.
import type { Floats, LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import type { SharedRotation } from './shared-rotation.ts';

/** Products in the type of the arrays, which is the turn's own. @throws NUMERICAL_FAILURE, the reason of the signal */
export interface Turn {
  /** matrix·Q: [rows, D] to [rows, d], into `output`. */
  columns(what: string, matrix: Floats, output: Floats): Promise<void>;
  /** Prepares Qᵀ·matrix, [D, in] to [d, in]; what it answers fills `output` with rows from `first` on. */
  rows(what: string, matrix: Floats): Promise<(first: number, output: Floats) => Promise<void>>;
}

interface TurnPorts {
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
}

/** By `basis` as it is: O(D d) a row. */
export function denseTurn(
  { size, width }: Pick<SharedRotation, 'size' | 'width'>,
  basis: Floats,
  { linearAlgebra, signal }: TurnPorts,
): Turn {
  return {
    async columns(what, matrix, output) {
      const rows = matrix.length / size;
      const product = { what, rows, inner: size, columns: width, a: matrix, b: basis, transposeB: true, output };
      await linearAlgebra.gemm(product, signal);
    },
    async rows(what, matrix) {
      const columns = matrix.length / size;
      return async (first, output) => {
        const rows = output.length / columns;
        const a = basis.subarray(first * size, (first + rows) * size);
        await linearAlgebra.gemm({ what, rows, inner: size, columns, a, b: matrix, output }, signal);
      };
    },
  };
}

/** By Q = I + V·Aᵀ (seeded-rotation.ts): O(2 D k) a row. `directions` V and `turned` A [D, k], in the type of the arrays. */
export function factoredTurn(
  { size, count, directions, turned }: { size: number; count: number; directions: Floats; turned: Floats },
  { linearAlgebra, signal }: TurnPorts,
): Turn {
  return {
    async columns(what, matrix, output) {
      const rows = matrix.length / size;
      const along = { what, rows, inner: size, columns: count, a: matrix, b: directions };
      const parts = await linearAlgebra.gemm(along, signal);
      const back = { what, rows, inner: count, columns: size, a: parts, b: turned, transposeB: true, output };
      add(await linearAlgebra.gemm(back, signal), matrix);
    },
    async rows(what, matrix) {
      const columns = matrix.length / size;
      const along = { what, rows: count, inner: size, columns, a: directions, transposeA: true, b: matrix };
      const parts = await linearAlgebra.gemm(along, signal);
      return async (first, output) => {
        const rows = output.length / columns;
        const a = turned.subarray(first * count, (first + rows) * count);
        await linearAlgebra.gemm({ what, rows, inner: count, columns, a, b: parts, output }, signal);
        add(output, matrix.subarray(first * columns, (first + rows) * columns));
      };
    },
  };
}

function add(sum: Floats, values: Floats): void {
  for (let index = 0; index < sum.length; index += 1) sum[index]! += values[index]!;
}
