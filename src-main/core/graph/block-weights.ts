// One layer's weights as the block graph is fed them: float32, rows of q and k in halves, norms fused with the linears
// behind them (fusion.ts). Arrays are used again for the next layer, so one layer is in memory.
import type { Decoder } from '../architectures/decoder.ts';
import type { LayerRole, NormRole } from '../architectures/architecture.ts';
import { ropeDivisors } from '../architectures/rope.ts';
import type { GraphTensor } from './block-runner.ts';
import { readFloats } from './float-values.ts';
import type { Dequantize } from './float-values.ts';
import { fuseLayer } from './fusion.ts';
import type { LayerWeights, NormWeights } from './fusion.ts';

export interface BlockWeights {
  /** By role: what the graph is fed. */
  feeds: Record<string, GraphTensor>;
  /** What was fused. */
  norms: ReadonlyMap<NormRole, NormWeights<Float32Array>>;
}

/**
 * Reads one tensor of a layer, unfolded: a matrix [out, in] or a vector [out], float32, rows of q and k in halves.
 * @throws NON_FINITE naming the tensor, UNSUPPORTED_TYPE
 */
export async function readLayerTensor(
  decoder: Decoder,
  [layer, role]: readonly [layer: number, role: LayerRole],
  dequantize: Dequantize,
  target?: Float32Array,
): Promise<Float32Array> {
  const { model, config } = decoder;
  const values = await readFloats(model, decoder.layers[layer]!.get(role)!, dequantize, target);
  if (hasInterleavedRows(decoder, role)) separateHalves(values, config.headDim, columnsOf(decoder, layer, role));
  return values;
}

/** What the rotary frequencies are divided by [r / 2]: of a tensor, or of a config.json's scaling; null for ones. */
export async function readRopeDivisors(
  { model, config, ropeDivisors: entry }: Pick<Decoder, 'model' | 'config' | 'ropeDivisors'>,
  dequantize: Dequantize,
): Promise<ArrayLike<number> | null> {
  if (entry) return readFloats(model, entry, dequantize);
  return config.ropeScaling && ropeDivisors(config.ropeScaling, config.ropeTheta, config.rotaryDim);
}

/** Whether a tensor's rows are in pairs where the graphs, and Hugging Face, have halves of heads. */
export function hasInterleavedRows({ model, architecture }: Decoder, role: LayerRole): boolean {
  const isPermuted = model.kind === 'gguf' && architecture.ggufQueryKeyRows === 'interleaved';
  return isPermuted && /^[qk](Bias)?$/.test(role);
}

const columnsOf = (decoder: Decoder, layer: number, role: LayerRole): number => {
  const { shape } = decoder.layers[layer]!.get(role)!;
  return shape.length === 1 ? 1 : shape[0]!;
};

/** Row 2j + s of each head goes to row s·hd/2 + j: undoes LlamaModel.permute of llama.cpp's converter, in place. */
export function separateHalves(
  values: Float32Array | Float64Array | Uint8Array,
  headDim: number,
  columns: number,
): void {
  const head = values.slice(0, headDim * columns);
  for (let start = 0; start < values.length; start += head.length) {
    head.set(values.subarray(start, start + head.length));
    for (let row = 0; row < headDim; row += 1) {
      const target = start + ((row % 2) * (headDim / 2) + Math.floor(row / 2)) * columns;
      values.set(head.subarray(row * columns, (row + 1) * columns), target);
    }
  }
}

/** Reads layers one after the other. What it answered last is overwritten by the next call. */
export function blockWeightReader(decoder: Decoder, dequantize: Dequantize): (layer: number) => Promise<BlockWeights> {
  const buffers = new Map<LayerRole, Float32Array>();

  return async (layer) => {
    const weights: LayerWeights<Float32Array> = new Map();
    for (const role of decoder.layers[layer]!.keys()) {
      const data = await readLayerTensor(decoder, [layer, role], dequantize, buffers.get(role));
      buffers.set(role, data);
      weights.set(role, data);
    }
    const norms = fuseLayer(decoder.architecture, weights);
    const feeds = Array.from(weights, ([role, data]): [string, GraphTensor] => {
      // A bias that came of the fusion has no tensor.
      const shape = decoder.layers[layer]!.get(role)?.shape.toReversed() ?? [data.length];
      return [role, { data, shape }];
    });
    return { feeds: Object.fromEntries(feeds), norms };
  };
}
