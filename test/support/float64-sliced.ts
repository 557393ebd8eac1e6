// A model sliced block by block in float64: the product's own arithmetic, taken before any cast, for the float64 oracle.
import type { LayerRole } from '../../src-main/core/architectures/architecture.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import type { ShortcutRole } from '../../src-main/core/architectures/layer-tensors.ts';
import type { SlicingConfig } from '../../src-main/contract/results.ts';
import { globalTensorName } from '../../src-main/core/export/weights/decoder-tensors.ts';
import { residualShape } from '../../src-main/core/graph/embed-windows.ts';
import { memoryResidual } from '../../src-main/core/graph/residual.ts';
import { headBiasName, layerForms, positionsTable } from '../../src-main/core/slicing/per-block/fused-form.ts';
import type { FindBasis } from '../../src-main/core/slicing/per-block/site-basis.ts';
import { siteLayout, siteWidths } from '../../src-main/core/slicing/per-block/site-widths.ts';
import { slicePerBlock } from '../../src-main/core/slicing/per-block/slice-per-block.ts';
import type { PerBlockOptions } from '../../src-main/core/slicing/per-block/slice-per-block.ts';
import type { Float64Model } from './float64-model.ts';
import { ports } from './slicing.ts';

export interface SliceRequest extends Partial<PerBlockOptions> {
  decoder: Decoder;
  windows: readonly Int32Array[];
  widths: SlicingConfig;
  findBasis: FindBasis;
}

/** All that slicing hands to a writer, by name: of the type in which it comes, as float64. */
export async function writtenTensors(request: SliceRequest): Promise<Map<string, Float64Array>> {
  const tensors = new Map<string, Float64Array>();
  await slicePerBlock({
    ...ports,
    residual: memoryResidual(residualShape(request.decoder, request.windows)),
    write: async (name, parts) => {
      const values: number[] = [];
      for await (const part of parts) for (const value of part) values.push(value);
      tensors.set(name, Float64Array.from(values));
    },
    ...request,
  });
  return tensors;
}

/** The sliced model, nothing of it rounded to float32. */
export async function perBlockFloat64(request: SliceRequest): Promise<Float64Model> {
  const { decoder } = request;
  const widths = siteWidths(request.widths, siteLayout(decoder));
  const tensors = await writtenTensors(request);
  const layers = decoder.layers.map((_, layer) => {
    const weights = new Map<LayerRole | ShortcutRole, Float64Array>();
    for (const { role, name, shape, own } of layerForms(decoder, widths, layer)) {
      const [columns, rows] = shape as [number, number | undefined];
      const values = tensors.get(name);
      if (!values) continue;
      if (role === 'attentionShortcut' || role === 'mlpShortcut') weights.set(role, transposed(values, columns));
      else if (own) weights.set(role, values.subarray(...rangeOf(own, rows === undefined ? 1 : columns)));
      else weights.set(role, values);
    }
    return weights;
  });
  const table = positionsTable(decoder);
  const [width] = widths as [number];
  return {
    ...{ decoder: { ...decoder, normSize: decoder.config.hiddenSize }, width, layers, parameters: 0 },
    embeddings: tensors.get(globalTensorName(decoder, 'embeddings'))!,
    // A table has rows before the first position.
    positions: table ? tensors.get(table.name)!.subarray(-decoder.positions!.shape[1]! * width) : undefined,
    ...{ lmHead: tensors.get(globalTensorName(decoder, 'lmHead'))!, lmHeadBias: tensors.get(headBiasName(decoder)) },
  };
}

const rangeOf = ({ first, rows }: { first: number; rows: number }, columns: number): [number, number] => [
  first * columns,
  (first + rows) * columns,
];

function transposed(values: Float64Array, columns: number): Float64Array {
  const rows = values.length / columns;
  return Float64Array.from(values, (_, index) => values[(index % rows) * columns + Math.floor(index / rows)]!);
}
