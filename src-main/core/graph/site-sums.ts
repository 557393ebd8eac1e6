// Adds up, in float64, the statistics that graphs give per run.
import { GramSum } from './gram.ts';
import type { SiteOutputs } from './gram.ts';

export class SiteSums {
  readonly #sites: readonly SiteOutputs[];
  readonly #grams = new Map<string, GramSum>();
  readonly #squares = new Map<string, Float64Array>();
  /** Tokens added so far. */
  rows = 0;

  constructor(sites: readonly SiteOutputs[]) {
    this.#sites = sites;
    for (const { site, columns, isGram } of sites) {
      if (isGram) this.#grams.set(site, new GramSum(columns));
      else this.#squares.set(site, new Float64Array(columns));
    }
  }

  /** The outputs to ask a run for. */
  get wanted(): Record<string, null> {
    return Object.fromEntries(this.#sites.flatMap(({ names }) => names.map((name) => [name, null])));
  }

  /** Adds the outputs of one run over `rows` tokens. */
  add(outputs: Readonly<Record<string, Float32Array>>, rows: number): void {
    this.rows += rows;
    for (const { site, names } of this.#sites) {
      const values = names.map((name) => outputs[name]!);
      this.#grams.get(site)?.add(values);
      const squares = this.#squares.get(site);
      if (squares) for (let index = 0; index < squares.length; index += 1) squares[index]! += values[0]![index]!;
    }
  }

  /** [n] sums of squares of a site's columns; of a norm's output without its weight, with that weight [n] put back. */
  squares(site: string, normWeight?: Float32Array): Float64Array {
    const sums = this.#grams.get(site)?.diagonal() ?? this.#squares.get(site)!;
    return normWeight ? sums.map((sum, column) => sum * normWeight[column]! ** 2) : sums;
  }

  /** [n, n] of every site whose Gram was asked for; not copied. */
  grams(): Map<string, Float64Array> {
    return new Map(Array.from(this.#grams, ([site, sum]) => [site, sum.finish()]));
  }
}
