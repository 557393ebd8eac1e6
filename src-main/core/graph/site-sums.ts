// Adds up, in float64, the statistics that graphs give per run.
import type { StatisticsLevel } from './block-graph.ts';
import { GramSum } from './gram.ts';

export class SiteSums {
  readonly #hiddenSize: number;
  readonly #level: StatisticsLevel;
  readonly #grams = new Map<string, GramSum>();
  readonly #squares = new Map<string, Float64Array>();
  /** Tokens added so far. */
  rows = 0;

  constructor(hiddenSize: number, level: StatisticsLevel) {
    this.#hiddenSize = hiddenSize;
    this.#level = level;
  }

  /** Adds the outputs of one run over `rows` tokens: Grams as SITE.0, SITE.1 …, squares as SITE. */
  add(outputs: Readonly<Record<string, Float32Array>>, rows: number): void {
    this.rows += rows;
    if (this.#level === 'none') return;
    for (const [name, values] of Object.entries(outputs)) {
      const [site, block] = name.split('.') as [string, string?];
      if (block === '0') this.#gramOf(site).add(site, outputs);
      else if (block === undefined && site !== 'y') this.#addSquares(site, values);
    }
  }

  #gramOf(site: string): GramSum {
    const sum = this.#grams.get(site) ?? new GramSum(this.#hiddenSize);
    this.#grams.set(site, sum);
    return sum;
  }

  #addSquares(site: string, values: Float32Array): void {
    const sum = this.#squares.get(site) ?? new Float64Array(values.length);
    this.#squares.set(site, sum);
    for (let index = 0; index < sum.length; index += 1) sum[index]! += values[index]!;
  }

  /** [n] sums of squares of a site's columns; of a norm's weight-free output with its weight, [n], put back. */
  squares(site: string, normWeight?: Float32Array): Float64Array {
    const sums = this.#grams.get(site)?.diagonal() ?? this.#squares.get(site)!;
    return normWeight ? sums.map((sum, column) => sum * normWeight[column]! ** 2) : sums;
  }

  /** [D, D] Gram of a site, null where it was not asked for. */
  gram(site: string): Float64Array | null {
    return this.#grams.get(site)?.finish() ?? null;
  }
}
