// A decoder block and its statistics written out in float64 loops: the oracle of the graphs. Slow; for tiny models.
import type { LayerRole } from '../../src-main/core/architectures/architecture.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { readLayerTensor } from '../../src-main/core/graph/block-weights.ts';
import { readFloats } from '../../src-main/core/graph/float-values.ts';

export type Rows = Float64Array[];
/** A block's weights, rows of q and k in halves. */
export type ReferenceWeights = ReadonlyMap<LayerRole, ArrayLike<number>>;

export interface ReferenceLayer {
  /** [D, D] of the weight-free norm outputs. */
  attentionGram: Float64Array;
  mlpGram: Float64Array;
  /** [F, F] of the inputs of down. */
  downGram: Float64Array;
  /** Sums of squares of the inputs of q, o, gate and down. */
  squares: Record<'q' | 'o' | 'gate' | 'down', Float64Array>;
}

export interface Reference {
  layers: ReferenceLayer[];
  headGram: Float64Array;
  headSquares: Float64Array;
  /** Residual behind the last layer, all tokens of all windows. */
  residual: Rows;
}

const noBlockTypes = (): Promise<void> => Promise.reject(new Error('only float models'));

export const multiply = (rows: Rows, weight: ArrayLike<number>, bias?: ArrayLike<number>): Rows =>
  rows.map((row) => {
    const outputs = weight.length / row.length;
    return Float64Array.from({ length: outputs }, (_, out) =>
      row.reduce((sum, value, index) => sum + value * weight[out * row.length + index]!, bias?.[out] ?? 0),
    );
  });

export const normed = (row: Float64Array, eps: number): Float64Array => {
  const scale = 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / row.length + eps);
  return row.map((value) => value * scale);
};

export const scaled = (rows: Rows, scale: ArrayLike<number>): Rows =>
  rows.map((row) => row.map((v, i) => v * scale[i]!));
const plus = (left: Rows, right: Rows): Rows => left.map((row, index) => row.map((v, i) => v + right[index]![i]!));

function gram(rows: Rows): Float64Array {
  const size = rows[0]!.length;
  const sum = new Float64Array(size * size);
  for (const row of rows) row.forEach((a, i) => row.forEach((b, j) => (sum[i * size + j]! += a * b)));
  return sum;
}

const squares = (rows: Rows): Float64Array =>
  rows[0]!.map((_, column) => rows.reduce((sum, row) => sum + row[column]! ** 2, 0));

/** Norms (where there is a weight) and rotates every head of a row at its position. */
function turned(
  row: Float64Array,
  position: number,
  { config }: Pick<Decoder, 'config'>,
  norm: ArrayLike<number> | undefined,
): Float64Array {
  const { headDim, normEps, ropeTheta } = config;
  const half = headDim / 2;
  const result = new Float64Array(row.length);
  for (let start = 0; start < row.length; start += headDim) {
    let head = row.slice(start, start + headDim);
    if (norm) head = normed(head, normEps).map((value, index) => value * norm[index]!);
    for (let index = 0; index < half; index += 1) {
      const angle = position * ropeTheta ** (-index / half);
      const [a, b] = [head[index]!, head[index + half]!];
      result[start + index] = a * Math.cos(angle) - b * Math.sin(angle);
      result[start + index + half] = b * Math.cos(angle) + a * Math.sin(angle);
    }
  }
  return result;
}

function attend(q: Rows, k: Rows, v: Rows, { config }: Pick<Decoder, 'config'>): Rows {
  const { headDim, numAttentionHeads, numKeyValueHeads } = config;
  const group = numAttentionHeads / numKeyValueHeads;
  return q.map((query, position) => {
    const result = new Float64Array(query.length);
    for (let head = 0; head < numAttentionHeads; head += 1) {
      const own = head * headDim;
      const shared = Math.floor(head / group) * headDim;
      const scores = k.slice(0, position + 1).map((key) => {
        let sum = 0;
        for (let i = 0; i < headDim; i += 1) sum += query[own + i]! * key[shared + i]!;
        return sum / Math.sqrt(headDim);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, token) => {
        for (let i = 0; i < headDim; i += 1) result[own + i]! += (weight / total) * v[token]![shared + i]!;
      });
    }
    return result;
  });
}

async function runLayer(decoder: Decoder, layer: number, windows: Rows[]): Promise<[Rows[], ReferenceLayer]> {
  const weights = new Map<LayerRole, Float32Array>();
  for (const role of decoder.layers[layer]!.keys()) {
    weights.set(role, await readLayerTensor(decoder, [layer, role], noBlockTypes));
  }
  return referenceBlock(decoder, weights, windows);
}

/** One block over windows of residual rows. */
export function referenceBlock(
  decoder: Pick<Decoder, 'config'>,
  weights: ReferenceWeights,
  windows: Rows[],
): [Rows[], ReferenceLayer] {
  const of = (role: LayerRole): ArrayLike<number> => weights.get(role)!;
  const { normEps } = decoder.config;
  const seen: Record<'attention' | 'o' | 'mlp' | 'down', Rows> = { attention: [], o: [], mlp: [], down: [] };
  const results = windows.map((x) => {
    const first = x.map((row) => normed(row, normEps));
    const input = scaled(first, of('attentionNorm'));
    const q = multiply(input, of('q'), weights.get('qBias')).map((row, t) =>
      turned(row, t, decoder, weights.get('qNorm')),
    );
    const k = multiply(input, of('k'), weights.get('kBias')).map((row, t) =>
      turned(row, t, decoder, weights.get('kNorm')),
    );
    const context = attend(q, k, multiply(input, of('v'), weights.get('vBias')), decoder);
    const middle = plus(x, multiply(context, of('o'), weights.get('oBias')));
    const second = middle.map((row) => normed(row, normEps));
    const mlpInput = scaled(second, of('mlpNorm'));
    const up = multiply(mlpInput, of('up'));
    const active = multiply(mlpInput, of('gate')).map((row, t) =>
      row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t]![i]!),
    );
    seen.attention.push(...first);
    seen.o.push(...context);
    seen.mlp.push(...second);
    seen.down.push(...active);
    return plus(middle, multiply(active, of('down')));
  });
  const statistics = {
    attentionGram: gram(seen.attention),
    mlpGram: gram(seen.mlp),
    downGram: gram(seen.down),
    squares: {
      q: squares(scaled(seen.attention, of('attentionNorm'))),
      o: squares(seen.o),
      gate: squares(scaled(seen.mlp, of('mlpNorm'))),
      down: squares(seen.down),
    },
  };
  return [results, statistics];
}

/** The whole model over `windows`. */
export async function referenceForward(decoder: Decoder, windows: readonly Int32Array[]): Promise<Reference> {
  const { hiddenSize, normEps } = decoder.config;
  const table = await readFloats(decoder.model, decoder.embeddings, noBlockTypes);
  let rows: Rows[] = windows.map((window) =>
    Array.from(window, (token) => Float64Array.from(table.subarray(token * hiddenSize, (token + 1) * hiddenSize))),
  );
  const layers: ReferenceLayer[] = [];
  for (const layer of decoder.layers.keys()) {
    const [next, statistics] = await runLayer(decoder, layer, rows);
    rows = next;
    layers.push(statistics);
  }
  const residual = rows.flat();
  const last = residual.map((row) => normed(row, normEps));
  const finalNorm = await readFloats(decoder.model, decoder.finalNorm, noBlockTypes);
  return { layers, residual, headGram: gram(last), headSquares: squares(scaled(last, finalNorm)) };
}
