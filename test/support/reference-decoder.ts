// A decoder block and its statistics written out in float64 loops: the oracle of the graphs. Slow; for tiny models.
import type { LayerRole, LinearRole } from '../../src-main/core/architectures/architecture.ts';
import type { ShortcutRole } from '../../src-main/core/architectures/layer-tensors.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import type { TensorEntry } from '../../src-main/core/formats/tensor.ts';
import { readLayerTensor } from '../../src-main/core/graph/block-weights.ts';
import { readFloats } from '../../src-main/core/graph/float-values.ts';
import type { Activation } from '../../src-main/core/graph/graph-builder.ts';

export type Rows = Float64Array[];
/** A block's weights, rows of q and k in halves; of a sliced block its shortcuts too, [o, n]. */
export type ReferenceWeights = ReadonlyMap<LayerRole | ShortcutRole, ArrayLike<number>>;

/** What a block's arithmetic depends on. */
export interface ReferenceShape extends Pick<Decoder, 'config'> {
  architecture: Pick<Decoder['architecture'], 'blockLayout'>;
  /** Another than the exact activation. */
  activate?: (x: number) => number;
  /** What the squares of a row are divided by in norms of the residual, where that is not its width. */
  normSize?: number;
}

export interface ReferenceLayer {
  /** [D, D] of the weight-free norm outputs; null where the MLP reads the norm of the attention. */
  attentionGram: Float64Array;
  mlpGram: Float64Array | null;
  /** [F, F] of the inputs of down. */
  downGram: Float64Array;
  /** Sums of squares of the inputs of q, o, up and down. */
  squares: Record<'q' | 'o' | 'up' | 'down', Float64Array>;
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

export const normed = (row: Float64Array, eps: number, size = row.length): Float64Array => {
  const scale = 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / size + eps);
  return row.map((value) => value * scale);
};

/** (x - mean) / sqrt(variance + eps): a LayerNorm without weight and bias. */
export const standardised = (row: Float64Array, eps: number): Float64Array => {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map((value) => (value - mean) / Math.sqrt(variance + eps));
};

/** Weight and bias of a norm; without a weight the rows stay. */
export const affine = (rows: Rows, weight: ArrayLike<number> | undefined, bias: ArrayLike<number> | undefined): Rows =>
  weight ? rows.map((row) => row.map((value, i) => value * weight[i]! + (bias?.[i] ?? 0))) : rows;

export const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const activations: Readonly<Record<Activation, (x: number) => number>> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
  geluTanh,
  gelu: () => {
    throw new Error('no tiny model has it');
  },
};

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
  const { headDim, normEps, ropeTheta, rotaryDim } = config;
  const half = rotaryDim / 2;
  const result = new Float64Array(row.length);
  for (let start = 0; start < row.length; start += headDim) {
    let head = row.slice(start, start + headDim);
    if (norm) head = normed(head, normEps).map((value, index) => value * norm[index]!);
    result.set(head, start);
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

/**
 * One block over windows of residual rows. Norms are LayerNorms where the layer has their biases, else RMS norms; a norm
 * without a weight (a fused one) has none.
 */
export function referenceBlock(
  decoder: ReferenceShape,
  weights: ReferenceWeights,
  windows: Rows[],
): [Rows[], ReferenceLayer] {
  const of = (role: LayerRole): ArrayLike<number> => weights.get(role)!;
  const { normEps } = decoder.config;
  const activate = decoder.activate ?? activations[decoder.config.activation];
  const isParallel = decoder.architecture.blockLayout === 'parallel';
  const normOf = (rows: Rows, role: 'attentionNorm' | 'mlpNorm'): Rows =>
    rows.map((row) =>
      weights.has(`${role}Bias`) ? standardised(row, normEps) : normed(row, normEps, decoder.normSize),
    );
  const carried = (rows: Rows, role: ShortcutRole): Rows =>
    weights.has(role) ? multiply(rows, weights.get(role)!) : rows;
  const weighted = (rows: Rows, role: 'attentionNorm' | 'mlpNorm'): Rows =>
    affine(rows, weights.get(role), weights.get(`${role}Bias`));
  const linear = (rows: Rows, role: LinearRole): Rows => multiply(rows, of(role), weights.get(`${role}Bias`));

  const seen: Record<'attention' | 'o' | 'mlp' | 'down', Rows> = { attention: [], o: [], mlp: [], down: [] };
  const results = windows.map((x) => {
    const first = normOf(x, 'attentionNorm');
    const input = weighted(first, 'attentionNorm');
    const q = linear(input, 'q').map((row, t) => turned(row, t, decoder, weights.get('qNorm')));
    const k = linear(input, 'k').map((row, t) => turned(row, t, decoder, weights.get('kNorm')));
    const context = attend(q, k, linear(input, 'v'), decoder);
    const middle = plus(carried(x, 'attentionShortcut'), linear(context, 'o'));
    const second = isParallel ? first : normOf(middle, 'mlpNorm');
    const mlpInput = isParallel ? input : weighted(second, 'mlpNorm');
    const up = linear(mlpInput, 'up');
    const inner = weights.has('gate') ? linear(mlpInput, 'gate') : up;
    const active = inner.map((row, t) =>
      row.map((value, i) => activate(value) * (weights.has('gate') ? up[t]![i]! : 1)),
    );
    seen.attention.push(...first);
    seen.o.push(...context);
    seen.mlp.push(...second);
    seen.down.push(...active);
    return plus(isParallel ? middle : carried(middle, 'mlpShortcut'), linear(active, 'down'));
  });
  const attentionRows = weighted(seen.attention, 'attentionNorm');
  const statistics = {
    attentionGram: gram(seen.attention),
    mlpGram: isParallel ? null : gram(seen.mlp),
    downGram: gram(seen.down),
    squares: {
      q: squares(attentionRows),
      o: squares(seen.o),
      up: squares(isParallel ? attentionRows : weighted(seen.mlp, 'mlpNorm')),
      down: squares(seen.down),
    },
  };
  return [results, statistics];
}

const optional = async (decoder: Decoder, entry: TensorEntry | null): Promise<Float32Array | undefined> =>
  entry ? readFloats(decoder.model, entry, noBlockTypes) : undefined;

/** Rows of embeddings and, where they are learned, of positions: [windows][T]. */
export function embedded(
  windows: readonly Int32Array[],
  width: number,
  { tokens, positions }: { tokens: ArrayLike<number>; positions: ArrayLike<number> | undefined },
): Rows[] {
  return windows.map((window) =>
    Array.from(window, (token, place) =>
      Float64Array.from(
        { length: width },
        (_, column) => tokens[token * width + column]! + (positions?.[place * width + column] ?? 0),
      ),
    ),
  );
}

/** The whole model over `windows`. */
export async function referenceForward(decoder: Decoder, windows: readonly Int32Array[]): Promise<Reference> {
  const { hiddenSize, normEps } = decoder.config;
  const tokens = await readFloats(decoder.model, decoder.embeddings, noBlockTypes);
  const positions = await optional(decoder, decoder.positions);
  let rows: Rows[] = embedded(windows, hiddenSize, { tokens, positions });
  const layers: ReferenceLayer[] = [];
  for (const layer of decoder.layers.keys()) {
    const [next, statistics] = await runLayer(decoder, layer, rows);
    rows = next;
    layers.push(statistics);
  }
  const residual = rows.flat();
  const [weight, bias] = [await optional(decoder, decoder.finalNorm), await optional(decoder, decoder.finalNormBias)];
  const last = residual.map((row) => (bias ? standardised(row, normEps) : normed(row, normEps)));
  return { layers, residual, headGram: gram(last), headSquares: squares(affine(last, weight, bias)) };
}
