// Models in float64 from end to end: the dense one, its fused form, and what slicing makes of it before any cast. For tiny
// models.
import type { LayerRole, LayerTensor } from '../../src-main/core/architectures/architecture.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { readLayerTensor } from '../../src-main/core/graph/block-weights.ts';
import type { TensorEntry } from '../../src-main/core/formats/tensor.ts';
import { readFloats } from '../../src-main/core/graph/float-values.ts';
import { centreRows, fuseLayer, fuseLinear } from '../../src-main/core/graph/fusion.ts';
import type { LayerWeights } from '../../src-main/core/graph/fusion.ts';
import type { LinearAlgebra } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import type { SharedRotation } from '../../src-main/core/slicing/shared-rotation.ts';
import { planSlicedTensors } from '../../src-main/core/slicing/sliced-tensors.ts';
import { slicedRowReader } from '../../src-main/core/slicing/transform-tensor.ts';
import { affine, embedded, multiply, normed, referenceBlock, standardised } from './reference-decoder.ts';
import type { ReferenceShape, ReferenceWeights, Rows } from './reference-decoder.ts';

export interface Float64Model {
  decoder: ReferenceShape;
  width: number;
  embeddings: ArrayLike<number>;
  positions?: ArrayLike<number> | undefined;
  /** Missing: an RMS norm without weight. */
  finalNorm?: ArrayLike<number> | undefined;
  finalNormBias?: ArrayLike<number> | undefined;
  lmHead: ArrayLike<number>;
  lmHeadBias?: ArrayLike<number> | undefined;
  layers: ReferenceWeights[];
  /** Elements of all matrices and biases. */
  parameters: number;
}

const noBlockTypes = (): Promise<void> => Promise.reject(new Error('only float models'));

export async function denseFloat64(decoder: Decoder): Promise<Float64Model & { layers: LayerWeights<Float64Array>[] }> {
  const read = async (entry: TensorEntry): Promise<Float64Array> =>
    Float64Array.from(await readFloats(decoder.model, entry, noBlockTypes));
  const optional = async (entry: TensorEntry | null): Promise<Float64Array | undefined> =>
    entry ? read(entry) : undefined;
  const layers: LayerWeights<Float64Array>[] = [];
  for (const [layer, roles] of decoder.layers.entries()) {
    const weights: LayerWeights<Float64Array> = new Map();
    for (const role of roles.keys()) {
      weights.set(role, Float64Array.from(await readLayerTensor(decoder, [layer, role], noBlockTypes)));
    }
    layers.push(weights);
  }
  return {
    ...{ decoder, width: decoder.config.hiddenSize, layers, parameters: 0 },
    ...{ embeddings: await read(decoder.embeddings), positions: await optional(decoder.positions) },
    ...{ finalNorm: await read(decoder.finalNorm), finalNormBias: await optional(decoder.finalNormBias) },
    ...{ lmHead: await read(decoder.lmHead), lmHeadBias: await optional(decoder.lmHeadBias) },
  };
}

/** The dense model with its norms fused, by the code under test; `centred` tables of embeddings have no mean. */
export async function fusedFloat64(decoder: Decoder, centred: boolean): Promise<Float64Model> {
  const dense = await denseFloat64(decoder);
  const tables = [dense.embeddings, dense.positions].map((table) => table && Float64Array.from(table));
  if (centred) for (const table of tables) if (table) centreRows(table, dense.width);
  for (const weights of dense.layers) fuseLayer(decoder.architecture, weights);
  const [lmHead, weight] = [Float64Array.from(dense.lmHead), Float64Array.from(dense.finalNorm!)];
  const [bias, headBias] = [dense.finalNormBias, dense.lmHeadBias].map((values) => values && Float64Array.from(values));
  const lmHeadBias = fuseLinear(lmHead, headBias ?? null, { weight, bias: bias ?? null }) ?? undefined;
  return {
    ...{ decoder, width: dense.width, layers: dense.layers, parameters: 0 },
    ...{ embeddings: tables[0]!, positions: tables[1], lmHead, lmHeadBias },
  };
}

/** The sliced model with rows of q and k left in halves. `decoder` has to be of a folder. */
export async function slicedFloat64(
  decoder: Decoder,
  rotation: Pick<SharedRotation, 'size' | 'width' | 'basis'>,
  linearAlgebra: LinearAlgebra,
): Promise<Float64Model> {
  const { model, config, architecture } = decoder;
  const form = { architecture: 'llama', layer: architecture.layer, interleaves: false };
  const options = { decoder, width: rotation.width, form, constantFinalNorm: null } as const;
  const tensors = new Map<string, Float64Array>();
  const signal = new AbortController().signal;
  const { headDim } = config;
  const ports = { dequantize: noBlockTypes, linearAlgebra, signal };
  const rowsOf = slicedRowReader({ model, rotation, headDim, arithmetic: 'float64', ...ports });
  for (const tensor of planSlicedTensors(options).tensors) {
    const parts: number[] = [];
    const range = { first: 0, count: tensor.shape[1] ?? 1 };
    for await (const part of rowsOf(tensor, range)) for (const value of part) parts.push(value);
    tensors.set(tensor.name, Float64Array.from(parts));
  }
  const roles = Object.entries(architecture.layer) as [LayerRole, LayerTensor][];
  const layers = decoder.layers.map(
    (_, layer) =>
      new Map(
        roles.flatMap(([role, { gguf }]) => {
          const values = tensors.get(`blk.${layer}.${gguf}`);
          return values ? [[role, values] as const] : [];
        }),
      ),
  );
  const of = (name: string): Float64Array => tensors.get(`${name}.weight`)!;
  const parameters = Array.from(tensors).reduce(
    (sum, [name, values]) => sum + (/(attn|ffn|output)_norm/.test(name) ? 0 : values.length),
    0,
  );
  return {
    ...{ decoder, width: rotation.width, layers, parameters },
    ...{ embeddings: of('token_embd'), finalNorm: of('output_norm'), lmHead: of('output') },
  };
}

/** [windows][T] rows of V logits. */
export function float64Logits(model: Float64Model, windows: readonly Int32Array[]): Rows[] {
  const { width, embeddings, positions } = model;
  let rows = embedded(windows, width, { tokens: embeddings, positions });
  for (const weights of model.layers) [rows] = referenceBlock(model.decoder, weights, rows);
  const { normEps } = model.decoder.config;
  return rows.map((window) => {
    const input = window.map((row) => lastNorm(row, model, normEps));
    return multiply(input, model.lmHead, model.lmHeadBias);
  });
}

const lastNorm = (row: Float64Array, { decoder, finalNorm, finalNormBias }: Float64Model, eps: number): Float64Array =>
  affine([finalNormBias ? standardised(row, eps) : normed(row, eps, decoder.normSize)], finalNorm, finalNormBias)[0]!;

/** Mean over all targets of the NLL in nats. */
export function float64Nll(logits: readonly Rows[], windows: readonly Int32Array[]): number {
  const losses = logits.flatMap((rows, window) =>
    rows.slice(0, -1).map((row, position) => {
      const top = Math.max(...row);
      const total = row.reduce((sum, value) => sum + Math.exp(value - top), 0);
      return top + Math.log(total) - row[windows[window]![position + 1]!]!;
    }),
  );
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
