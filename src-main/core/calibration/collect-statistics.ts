// Calibration for a shared rotation: C = Σ_sites Gram(RMSN(x_site)) over the 2L + 1 norm inputs of the dense model (L + 1
// of parallel blocks), the
// trace and on request the spectrum of each, and the sums of squares of every linear's input columns (method.md 1.2 and
// 3). Layer by layer: one layer's Grams at a time. The squares at the norms are the diagonals of their Grams, so they
// cost nothing more.
import { AppError } from '../../contract/errors.ts';
import type { Progress, SiteFacts } from '../../contract/progress.ts';
import type { LinearRole } from '../architectures/architecture.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { normSites } from '../graph/block-graph.ts';
import type { GraphRuntime } from '../graph/block-runner.ts';
import type { LayerStatistics } from '../graph/block-stream.ts';
import type { Dequantize } from '../graph/float-values.ts';
import { forward } from '../graph/forward.ts';
import type { Residual } from '../graph/residual.ts';
import { pointsOfSpectrum } from '../linear-algebra/spectrum-points.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';

export interface SharedStatistics {
  /** [D, D] float64, symmetric: C. */
  gram: Float64Array;
  /** Tokens that every site saw. */
  tokens: number;
  /** 2L + 1 in the end, L + 1 of parallel blocks. */
  sites: number;
  /** Of every site's Gram, in the order of the forward pass. */
  traces: readonly number[];
  /** [D] float64 each: eigenvalues of every site's Gram, descending; empty where they were not wanted. */
  spectra: readonly Float64Array[];
  /** [in] float64 sums of squares over `tokens` rows, by the linear's name in a GGUF file. */
  squares: ReadonlyMap<string, Float64Array>;
}

export interface CollectOptions {
  decoder: Decoder;
  /** Token ids, all of one length. */
  windows: readonly Int32Array[];
  runtime: GraphRuntime;
  dequantize: Dequantize;
  /** Where the residual is kept; in memory by default. */
  residual?: Residual;
  /** Spectra are wanted, computed by this. */
  spectra?: LinearAlgebra | null;
  /** What the layers before `firstLayer` gave; `residual` holds what they made of the windows. It is added to. */
  resume?: { firstLayer: number; statistics: SharedStatistics } | null;
  /** Called when a layer is done and part of the sums. */
  onLayer?: (layersDone: number, statistics: SharedStatistics) => Promise<void>;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/**
 * Runs the dense model over `windows`.
 * @throws USAGE on bad windows; NON_FINITE naming the tensor, or the layer and the linear whose inputs are not finite;
 * NUMERICAL_FAILURE, OUT_OF_MEMORY, CANCELLED
 */
export async function collectSharedStatistics(options: CollectOptions): Promise<SharedStatistics> {
  const { decoder, windows, resume = null, signal, progress } = options;
  const { tiedEmbeddings, numHiddenLayers } = decoder.config;
  const sums = new Sums(options);
  let latest: Progress = { stage: 'calibrate', done: resume?.firstLayer ?? 0, total: numHiddenLayers };
  const tellSpectra = (first: number): void => {
    const sites = spectraOf(decoder, sums.statistics, first);
    if (sites.length > 0) progress({ ...latest, sites });
  };
  tellSpectra(0);
  await forward({
    ...options,
    nll: false,
    firstLayer: resume?.firstLayer ?? 0,
    progress(told) {
      latest = { ...told, stage: 'calibrate' };
      progress(latest);
    },
    statistics: {
      grams: normSites,
      onLayer: async (found) => {
        const where = `layer ${found.layer} of ${numHiddenLayers}`;
        const first = sums.statistics.spectra.length;
        for (const [name, squares] of namedSquares(decoder, found)) sums.addSquares(where, name, squares);
        for (const [site, gram] of found.grams) await sums.addGram(`${where}, ${site}`, gram);
        tellSpectra(first);
        signal.throwIfAborted();
        await options.onLayer?.(found.layer + 1, sums.statistics);
      },
      onHead: async (found) => {
        const name = decoder.architecture.globals[tiedEmbeddings ? 'embeddings' : 'lmHead']!.gguf!;
        sums.addSquares('the output layer', name, found.squares);
        const first = sums.statistics.spectra.length;
        await sums.addGram('the output layer', found.gram!);
        tellSpectra(first);
      },
    },
  });
  return { ...sums.statistics, tokens: windows.length * windows[0]!.length };
}

/** The spectra from the `first` on, for those who watch. Sites come in the order of the pass. */
function spectraOf({ architecture, config }: Decoder, { spectra }: SharedStatistics, first: number): SiteFacts[] {
  const perLayer = normSites.slice(0, architecture.norms.length);
  return spectra.slice(first).map((eigenvalues, index) => {
    const layer = Math.floor((first + index) / perLayer.length);
    const isHead = layer === config.numHiddenLayers;
    const name = isHead ? 'headInput' : `layer${layer}.${perLayer[(first + index) % perLayer.length]}`;
    return { name, spectrum: pointsOfSpectrum(eigenvalues) };
  });
}

class Sums {
  readonly #linearAlgebra: LinearAlgebra | null;
  readonly #signal: AbortSignal;
  readonly #gram: Float64Array;
  readonly #traces: number[];
  readonly #spectra: Float64Array[];
  readonly #squares: Map<string, Float64Array>;
  readonly #tokens: number;
  readonly #size: number;

  constructor({ decoder, windows, spectra = null, resume = null, signal }: CollectOptions) {
    this.#linearAlgebra = spectra;
    this.#signal = signal;
    this.#size = decoder.config.hiddenSize;
    this.#tokens = windows.length * (windows[0]?.length ?? 0);
    this.#gram = resume?.statistics.gram ?? new Float64Array(this.#size * this.#size);
    this.#traces = [...(resume?.statistics.traces ?? [])];
    this.#spectra = [...(resume?.statistics.spectra ?? [])];
    this.#squares = new Map(resume?.statistics.squares);
  }

  get statistics(): SharedStatistics {
    const [traces, spectra, squares] = [this.#traces, this.#spectra, this.#squares];
    return { gram: this.#gram, tokens: this.#tokens, sites: traces.length, traces, spectra, squares };
  }

  /**
   * Every value that enters a Gram is in its linear's squares too, and |C_ij| ≤ sqrt(C_ii·C_jj): looking at the squares
   * is enough.
   */
  addSquares(where: string, linear: string, squares: Float64Array): void {
    const column = squares.findIndex((value) => !Number.isFinite(value));
    if (column !== -1) {
      const value = String(squares[column]);
      throw new AppError(
        'NON_FINITE',
        `The inputs of ${linear} (${where}) sum to ${value} at column ${column}: the model gives no usable numbers on this text.`,
        { where, tensor: linear, column, value },
      );
    }
    this.#squares.set(linear, squares);
  }

  async addGram(what: string, gram: Float64Array): Promise<void> {
    const size = this.#size;
    let trace = 0;
    for (let index = 0; index < size; index += 1) trace += gram[index * (size + 1)]!;
    for (let index = 0; index < gram.length; index += 1) this.#gram[index]! += gram[index]!;
    this.#traces.push(trace);
    if (!this.#linearAlgebra) return;
    this.#spectra.push(await this.#linearAlgebra.eigvalsh({ what, matrix: gram, size }, this.#signal));
  }
}

const namedSquares = ({ architecture }: Decoder, { layer, squares }: LayerStatistics): [string, Float64Array][] =>
  Array.from(squares, ([role, sums]: [LinearRole, Float64Array]) => [
    `blk.${layer}.${architecture.layer[role]!.gguf}`,
    sums,
  ]);
