// Models in float64 from end to end: the dense one, and what slicing makes of it before any cast. For tiny models.
import type { LayerRole, LayerTensor } from '../../src-main/core/architectures/architecture.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { readLayerTensor } from '../../src-main/core/graph/block-weights.ts';
import { readFloats } from '../../src-main/core/graph/float-values.ts';
import type { LinearAlgebra } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import type { SharedRotation } from '../../src-main/core/slicing/shared-rotation.ts';
import { planSlicedTensors } from '../../src-main/core/slicing/sliced-tensors.ts';
import { slicedRowReader } from '../../src-main/core/slicing/transform-tensor.ts';
import { multiply, normed, referenceBlock, scaled } from './reference-decoder.ts';
import type { ReferenceWeights, Rows } from './reference-decoder.ts';

export interface Float64Model {
  decoder: Pick<Decoder, 'config'>;
  width: number;
  embeddings: ArrayLike<number>;
  finalNorm: ArrayLike<number>;
  lmHead: ArrayLike<number>;
  layers: ReferenceWeights[];
  /** Elements of all matrices and biases. */
  parameters: number;
}

const noBlockTypes = (): Promise<void> => Promise.reject(new Error('only float models'));

export async function denseFloat64(decoder: Decoder): Promise<Float64Model> {
  const read = (entry: Decoder['embeddings']): Promise<Float32Array> => readFloats(decoder.model, entry, noBlockTypes);
  const layers: ReferenceWeights[] = [];
  for (const [layer, roles] of decoder.layers.entries()) {
    const weights = new Map<LayerRole, Float32Array>();
    for (const role of roles.keys()) weights.set(role, await readLayerTensor(decoder, [layer, role], noBlockTypes));
    layers.push(weights);
  }
  const { hiddenSize: width } = decoder.config;
  const [embeddings, finalNorm] = [await read(decoder.embeddings), await read(decoder.finalNorm)];
  return { decoder, width, embeddings, finalNorm, lmHead: await read(decoder.lmHead), layers, parameters: 0 };
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
  const { width, embeddings } = model;
  const table = Float64Array.from(embeddings);
  let rows: Rows[] = windows.map((window) =>
    Array.from(window, (token) => table.slice(token * width, (token + 1) * width)),
  );
  for (const weights of model.layers) [rows] = referenceBlock(model.decoder, weights, rows);
  const { normEps } = model.decoder.config;
  return rows.map((window) =>
    multiply(
      scaled(
        window.map((row) => normed(row, normEps)),
        model.finalNorm,
      ),
      model.lmHead,
    ),
  );
}

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
