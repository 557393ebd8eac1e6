// Adds up, in float64, the statistics that graphs give per run.
import { GramSum } from './gram.ts';
import type { SiteOutputs } from './gram.ts';
import type { NormWeights } from './fusion.ts';

export class SiteSums {
  readonly #sites: readonly SiteOutputs[];
  readonly #grams = new Map<string, GramSum>();
  readonly #squares = new Map<string, Float64Array>();
  readonly #sums = new Map<string, Float64Array>();
  /** Tokens added so far. */
  rows = 0;

  constructor(sites: readonly SiteOutputs[]) {
    this.#sites = sites;
    for (const { site, columns, isGram, sums } of sites) {
      if (sums !== null) this.#sums.set(site, new Float64Array(columns));
      if (isGram) this.#grams.set(site, new GramSum(columns));
      else this.#squares.set(site, new Float64Array(columns));
    }
  }

  /** The outputs to ask a run for. */
  get wanted(): Record<string, null> {
    const names = this.#sites.flatMap((site) => (site.sums === null ? site.names : [...site.names, site.sums]));
    return Object.fromEntries(names.map((name) => [name, null]));
  }

  /** Adds the outputs of one run over `rows` tokens. */
  add(outputs: Readonly<Record<string, Float32Array>>, rows: number): void {
    this.rows += rows;
    for (const { site, names, sums } of this.#sites) {
      const values = names.map((name) => outputs[name]!);
      this.#grams.get(site)?.add(values);
      addTo(this.#squares.get(site), values[0]!);
      if (sums !== null) addTo(this.#sums.get(site), outputs[sums]!);
    }
  }

  /**
   * [n] sums of squares of a site's columns; of a norm's fused output, with its weight a and bias β put back:
   * Σ (a·z + β)² = a²·Σz² + 2·a·β·Σz + N·β².
   */
  squares(site: string, norm?: NormWeights<Float32Array>): Float64Array {
    const squares = this.#grams.get(site)?.diagonal() ?? this.#squares.get(site)!;
    if (!norm) return squares;
    const { weight, bias } = norm;
    const sums = this.#sums.get(site);
    return squares.map((sum, column) => {
      const [a, b] = [weight[column]!, bias?.[column] ?? 0];
      return sum * a ** 2 + (bias ? 2 * a * b * sums![column]! + this.rows * b ** 2 : 0);
    });
  }

  /** [n, n] of every site whose Gram was asked for; not copied. */
  grams(): Map<string, Float64Array> {
    return new Map(Array.from(this.#grams, ([site, sum]) => [site, sum.finish()]));
  }
}

function addTo(sum: Float64Array | undefined, values: Float32Array): void {
  if (sum) for (let index = 0; index < sum.length; index += 1) sum[index]! += values[index]!;
}
