// Gram matrices XᵀX in a graph: the upper triangle in column blocks, float32 within one run, summed in float64 outside
// (docs/graphs.md). Letters: N rows, n columns.
import type { GraphBuilder, Value } from './graph-builder.ts';

/** Three blocks at 576 columns, as measured; at most eight, so that wide models keep large products. */
const blockColumns = 192;
const mostBlocks = 8;

/** Column ranges of the blocks. */
function columnBlocks(columns: number): [start: number, end: number][] {
  const count = Math.min(mostBlocks, Math.max(1, Math.round(columns / blockColumns)));
  const edge = (index: number): number => Math.floor((columns * index) / count);
  return Array.from({ length: count }, (_, index) => [edge(index), edge(index + 1)]);
}

/** A value whose statistics are wanted. */
export interface Site {
  name: string;
  /** [N, columns]. */
  rows: Value;
  columns: number;
}

/** Outputs of a graph with one site's statistics. */
export interface SiteOutputs {
  site: string;
  columns: number;
  /** Of a Gram its blocks in order: X[:, block]ᵀ·X[:, from the block on]; otherwise one, [1, columns] sums of squares. */
  names: readonly string[];
  isGram: boolean;
  /** Its [1, columns] sums of columns; null where they are not wanted. */
  sums: string | null;
}

/** Adds a site's Gram to a graph. */
export function addGramOutputs(g: GraphBuilder, { name, rows, columns }: Site): SiteOutputs {
  const names = columnBlocks(columns).map(([start, end], index) => {
    const isAll = start === 0 && end === columns;
    const right = start === 0 ? rows : g.slice(rows, 1, [start, columns]);
    const left = isAll ? rows : g.slice(rows, 1, [start, end]);
    g.output(`${name}.${index}`, g.gram(left, right), [end - start, columns - start]);
    return `${name}.${index}`;
  });
  return { site: name, columns, names, isGram: true, sums: null };
}

/** Adds the sums of squares of a site's columns. `ones` [1, N]. */
export function addSquaresOutput(g: GraphBuilder, { name, rows, columns }: Site, ones: Value): SiteOutputs {
  // Not ReduceSumSquare: up to ten times slower over rows, and less exact.
  g.output(name, g.matmul(ones, g.multiply(rows, rows)), [1, columns]);
  return { site: name, columns, names: [name], isGram: false, sums: null };
}

/** Adds the sums of a site's columns to its outputs. `ones` [1, N]. */
export function addSumsOutput(g: GraphBuilder, { name, rows, columns }: Site, ones: Value): string {
  g.output(`${name}.sums`, g.matmul(ones, rows), [1, columns]);
  return `${name}.sums`;
}

/** The sum of one site's Grams over many runs. */
export class GramSum {
  readonly #columns: number;
  /** [n, n] row-major; the upper triangle of blocks is kept. */
  readonly #sum: Float64Array;

  constructor(columns: number) {
    this.#columns = columns;
    this.#sum = new Float64Array(columns * columns);
  }

  /** Adds one run's blocks. */
  add(blocks: readonly Float32Array[]): void {
    columnBlocks(this.#columns).forEach(([start, end], index) => {
      const block = blocks[index]!;
      const width = this.#columns - start;
      for (let row = start; row < end; row += 1) {
        const source = (row - start) * width;
        const target = row * this.#columns + start;
        for (let column = 0; column < width; column += 1) this.#sum[target + column]! += block[source + column]!;
      }
    });
  }

  /** [n] sums of squares of the columns: the diagonal. */
  diagonal(): Float64Array {
    return Float64Array.from({ length: this.#columns }, (_, index) => this.#sum[index * this.#columns + index]!);
  }

  /** [n, n] float64, symmetric; the sum is used up. */
  finish(): Float64Array {
    const columns = this.#columns;
    for (let row = 0; row < columns; row += 1) {
      for (let column = row + 1; column < columns; column += 1) {
        this.#sum[column * columns + row] = this.#sum[row * columns + column]!;
      }
    }
    return this.#sum;
  }
}
