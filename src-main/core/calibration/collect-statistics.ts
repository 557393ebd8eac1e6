// Calibration for a shared rotation: C = Σ_sites Gram(RMSN(x_site)) over the 2L + 1 norm inputs of the dense model, and
// the sums of squares of every linear's input columns (method.md 1.2 and 3). Layer by layer: one layer's Grams at a time.
// The squares at the norms are the diagonals of their Grams, so they cost nothing more.
import type { Progress } from '../../contract/progress.ts';
import type { LinearRole } from '../architectures/architecture.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { globalTensors } from '../architectures/layer-tensors.ts';
import { normSites } from '../graph/block-graph.ts';
import type { GraphRuntime } from '../graph/block-runner.ts';
import type { LayerStatistics } from '../graph/block-stream.ts';
import type { Dequantize } from '../graph/float-values.ts';
import { forward } from '../graph/forward.ts';

export interface CollectOptions {
  decoder: Decoder;
  /** Token ids, all of one length. */
  windows: readonly Int32Array[];
  runtime: GraphRuntime;
  dequantize: Dequantize;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface SharedStatistics {
  /** [D, D] float64, symmetric: C. */
  gram: Float64Array;
  /** Tokens that every site saw. */
  tokens: number;
  /** 2L + 1. */
  sites: number;
  /** [in] float64 sums of squares over `tokens` rows, by the linear's name in a GGUF file. */
  squares: ReadonlyMap<string, Float64Array>;
}

/** Runs the dense model over `windows`. @throws USAGE on bad windows, NON_FINITE, OUT_OF_MEMORY, CANCELLED */
export async function collectSharedStatistics(options: CollectOptions): Promise<SharedStatistics> {
  const { decoder, windows, progress } = options;
  const { hiddenSize, tiedEmbeddings } = decoder.config;
  const gram = new Float64Array(hiddenSize * hiddenSize);
  const squares = new Map<string, Float64Array>();
  let sites = 0;
  const add = (site: Float64Array): void => {
    for (let index = 0; index < gram.length; index += 1) gram[index]! += site[index]!;
    sites += 1;
  };
  await forward({
    ...options,
    nll: false,
    progress: (told) => progress({ ...told, stage: 'calibrate' }),
    statistics: {
      grams: normSites,
      onLayer: (found) => {
        for (const site of found.grams.values()) add(site);
        for (const [name, sums] of namedSquares(decoder, found)) squares.set(name, sums);
      },
      onHead: (found) => {
        add(found.gram!);
        squares.set(globalTensors[tiedEmbeddings ? 'embeddings' : 'lmHead'].gguf, found.squares);
      },
    },
  });
  return { gram, tokens: windows.length * windows[0]!.length, sites, squares };
}

const namedSquares = ({ architecture }: Decoder, { layer, squares }: LayerStatistics): [string, Float64Array][] =>
  Array.from(squares, ([role, sums]: [LinearRole, Float64Array]) => [
    `blk.${layer}.${architecture.layer[role]!.gguf}`,
    sums,
  ]);
