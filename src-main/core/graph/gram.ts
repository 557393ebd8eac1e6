// Gram matrices XᵀX in a graph: the upper triangle in column blocks, float32 within one run, summed in float64 outside
// (docs: engine.md section 4: the rows of one run are a good chunk). Letters: N rows, n columns.
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

/** Adds outputs `NAME.0`, `NAME.1` … with X[:, block]ᵀ·X[:, block start:] of `rows` [N, n]. Answers their names. */
export function addGramOutputs(g: GraphBuilder, { name, rows, columns }: Site): string[] {
  return columnBlocks(columns).map(([start, end], index) => {
    const isAll = start === 0 && end === columns;
    const right = start === 0 ? rows : g.slice(rows, 1, [start, columns]);
    const left = isAll ? rows : g.slice(rows, 1, [start, end]);
    g.output(`${name}.${index}`, g.gram(left, right), [end - start, columns - start]);
    return `${name}.${index}`;
  });
}

/** Adds an output NAME [1, n]: the sums of squares of the columns of `rows` [N, n]. `ones` [1, N]. */
export function addSquaresOutput(g: GraphBuilder, { name, rows, columns }: Site, ones: Value): void {
  // Not ReduceSumSquare: up to ten times slower over rows, and less exact.
  g.output(name, g.matmul(ones, g.multiply(rows, rows)), [1, columns]);
}

/** The sum of Grams of many runs. */
export class GramSum {
  readonly #columns: number;
  /** [n, n] row-major; the upper triangle of blocks is kept. */
  readonly #sum: Float64Array;

  constructor(columns: number) {
    this.#columns = columns;
    this.#sum = new Float64Array(columns * columns);
  }

  /** Adds one run's outputs, `NAME.0` and so on. */
  add(name: string, outputs: Readonly<Record<string, Float32Array>>): void {
    columnBlocks(this.#columns).forEach(([start, end], index) => {
      const part = outputs[`${name}.${index}`]!;
      const width = this.#columns - start;
      for (let row = start; row < end; row += 1) {
        const source = (row - start) * width;
        const target = row * this.#columns + start;
        for (let column = 0; column < width; column += 1) this.#sum[target + column]! += part[source + column]!;
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
