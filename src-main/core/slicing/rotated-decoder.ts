// A decoder in another basis of its residual, for our own graphs alone: norms fused (../graph/fusion.ts), what reads the
// residual W·Q, what writes to it Qᵀ·W, computed when it is read. Families whose rotated blocks no runner has are checked in
// this form. Letters: D hidden size, V vocabulary, basis [D, D] = Qᵀ.
import type { LayerRole, LinearRole } from '../architectures/architecture.ts';
import type { Decoder } from '../architectures/decoder.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { elementCount, tensorRange } from '../formats/tensor.ts';
import { readLayerTensor } from '../graph/block-weights.ts';
import { readFloatRows, readFloats } from '../graph/float-values.ts';
import { centreRows, fusedRoles, fuseLayer, fuseLinear } from '../graph/fusion.ts';
import type { LayerWeights, NormWeights } from '../graph/fusion.ts';
import type { SlicedSourceOptions } from './sliced-source.ts';

/** Rows [first, first + count) of a tensor; a vector is one column. */
type RowReader = (first: number, count: number) => Promise<Float64Array>;

/**
 * The decoder turned by a rotation of its whole width. Memory: one layer in float64. Closing it is not needed.
 * Reads throw NON_FINITE naming the source's tensor, UNSUPPORTED_TYPE, NUMERICAL_FAILURE, the reason of the signal.
 */
export async function rotatedDecoder(options: SlicedSourceOptions): Promise<Decoder> {
  const { decoder, dequantize } = options;
  const { model, architecture, config } = decoder;
  const readers = new Map<TensorEntry, RowReader>();
  /** `shape` with the fastest dimension first. */
  const entryOf = (name: string, shape: readonly number[], reader: RowReader): TensorEntry => {
    const bytes = elementCount(shape)! * Float32Array.BYTES_PER_ELEMENT;
    const entry = { name, type: 'F32', shape, shard: 0, offset: 0, bytes };
    readers.set(entry, reader);
    return entry;
  };
  const ones = (name: string): TensorEntry =>
    entryOf(name, [config.hiddenSize], async (_, count) => new Float64Array(count).fill(1));

  const lastNorm: NormWeights<Float64Array> = {
    weight: Float64Array.from(await readFloats(model, decoder.finalNorm, dequantize)),
    bias: decoder.finalNormBias && Float64Array.from(await readFloats(model, decoder.finalNormBias, dequantize)),
  };
  const headBias = await biasOfHead(options, lastNorm);
  const layerOf = turnedLayers(options);
  const table = (entry: TensorEntry): TensorEntry => entryOf(entry.name, entry.shape, turnedTable(options, entry));
  return {
    ...decoder,
    model: {
      ...model,
      ...readsOf((entry) => readers.get(entry) ?? null, model),
    },
    // Its norms are RMS norms now, its rows of q and k in halves.
    architecture: { ...architecture, norm: { kind: 'rmsnorm' }, ggufQueryKeyRows: 'halves' },
    config: { ...config, tiedEmbeddings: false },
    embeddings: table(decoder.embeddings),
    positions: decoder.positions && table(decoder.positions),
    finalNorm: ones(decoder.finalNorm.name),
    finalNormBias: null,
    lmHead: entryOf('output layer', decoder.lmHead.shape, turnedHead(options, lastNorm)),
    lmHeadBias:
      headBias &&
      entryOf('bias of the output layer', [headBias.length], async (first, count) =>
        headBias.slice(first, first + count),
      ),
    layers: decoder.layers.map((entries, layer) => {
      const roles = fusedRoles(architecture, entries.keys());
      const linears = Array.from(roles, (role): [LayerRole, TensorEntry] => {
        const shape = entries.get(role)?.shape ?? [entries.get(role.replace(/Bias$/, '') as LinearRole)!.shape[1]!];
        const columns = shape.length === 1 ? 1 : shape[0]!;
        const reader: RowReader = async (first, count) =>
          (await layerOf(layer)).get(role)!.subarray(first * columns, (first + count) * columns);
        return [role, entryOf(`${role} of layer ${layer}`, shape, reader)];
      });
      const norms = architecture.norms.map(({ norm }) => [norm, ones(`${norm} of layer ${layer}`)] as const);
      return new Map([...norms, ...linears]);
    }),
  };
}

/** Reads of a model whose tensors are those of `readerOf`, in float32, where it has one. */
function readsOf(
  readerOf: (entry: TensorEntry) => RowReader | null,
  dense: Decoder['model'],
): Pick<Decoder['model'], 'read' | 'readInto'> {
  async function read(entry: TensorEntry, offset = 0, length = entry.bytes - offset): Promise<Uint8Array> {
    const reader = readerOf(entry);
    if (!reader) return dense.read(entry, offset, length);
    tensorRange(entry, offset, length);
    const rowBytes = entry.bytes / entry.shape.at(-1)!;
    const first = Math.floor(offset / rowBytes);
    const values = await reader(first, Math.ceil((offset + length) / rowBytes) - first);
    const start = offset - first * rowBytes;
    return new Uint8Array(Float32Array.from(values).buffer).subarray(start, start + length);
  }
  return {
    read,
    readInto: async (entry, target, offset = 0) => target.set(await read(entry, offset, target.length)),
  };
}

/** matrix·Q of rows that read or are the residual, [rows, D]. */
async function turned(
  { decoder, rotation, linearAlgebra, signal }: SlicedSourceOptions,
  what: string,
  matrix: Float64Array,
): Promise<Float64Array> {
  signal.throwIfAborted();
  const size = decoder.config.hiddenSize;
  const sizes = { rows: matrix.length / size, inner: size, columns: rotation.width };
  return linearAlgebra.gemm({ what, ...sizes, a: matrix, b: rotation.basis, transposeB: true }, signal);
}

async function denseRows(
  { decoder: { model }, dequantize }: SlicedSourceOptions,
  entry: TensorEntry,
  [first, count]: readonly [number, number],
): Promise<Float64Array> {
  const values = new Float32Array(count * entry.shape[0]!);
  return Float64Array.from(await readFloatRows({ model, entry, firstRow: first }, dequantize, values));
}

function turnedTable(options: SlicedSourceOptions, entry: TensorEntry): RowReader {
  const { architecture, config } = options.decoder;
  return async (first, count) => {
    const rows = await denseRows(options, entry, [first, count]);
    if (architecture.norm.kind === 'layernorm') centreRows(rows, config.hiddenSize);
    return turned(options, entry.name, rows);
  };
}

function turnedHead(options: SlicedSourceOptions, norm: NormWeights<Float64Array>): RowReader {
  const { lmHead } = options.decoder;
  return async (first, count) => {
    const rows = await denseRows(options, lmHead, [first, count]);
    fuseLinear(rows, null, norm);
    return turned(options, lmHead.name, rows);
  };
}

/** Rows of the output layer that are read at a time for its bias. */
const headRows = 4096;

/** b + W·β of the output layer [V]; null where neither it nor the last norm has a bias. */
async function biasOfHead(options: SlicedSourceOptions, norm: NormWeights<Float64Array>): Promise<Float64Array | null> {
  const { lmHead, lmHeadBias, model, config } = options.decoder;
  if (!norm.bias && !lmHeadBias) return null;
  const bias = new Float64Array(config.vocabSize);
  if (lmHeadBias) bias.set(await readFloats(model, lmHeadBias, options.dequantize));
  for (let first = 0; first < bias.length; first += headRows) {
    const count = Math.min(headRows, bias.length - first);
    const rows = await denseRows(options, lmHead, [first, count]);
    fuseLinear(rows, bias.subarray(first, first + count), norm);
  }
  return bias;
}

/** Whole layers, fused and turned; the last one is kept. */
function turnedLayers(options: SlicedSourceOptions): (layer: number) => Promise<LayerWeights<Float64Array>> {
  let held: { layer: number; weights: Promise<LayerWeights<Float64Array>> } | null = null;
  return (layer) => {
    if (held?.layer !== layer) held = { layer, weights: turnedLayer(options, layer) };
    return held.weights;
  };
}

async function turnedLayer(options: SlicedSourceOptions, layer: number): Promise<LayerWeights<Float64Array>> {
  const { decoder, rotation, dequantize, linearAlgebra, signal } = options;
  const { architecture } = decoder;
  const weights: LayerWeights<Float64Array> = new Map();
  for (const role of decoder.layers[layer]!.keys()) {
    weights.set(role, Float64Array.from(await readLayerTensor(decoder, [layer, role], dequantize)));
  }
  fuseLayer(architecture, weights);
  for (const role of architecture.norms.flatMap(({ linears }) => linears)) {
    weights.set(role, await turned(options, `${role} of layer ${layer}`, weights.get(role)!));
  }
  const { width: rows, size: inner, basis: a } = rotation;
  for (const role of [architecture.attentionOutput, architecture.mlpOutput]) {
    for (const written of [role, `${role}Bias` as const]) {
      const b = weights.get(written);
      const what = `${written} of layer ${layer}`;
      const columns = b ? b.length / inner : 0;
      if (b) weights.set(written, await linearAlgebra.gemm({ what, rows, inner, columns, a, b }, signal));
    }
  }
  return weights;
}
