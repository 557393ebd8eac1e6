// A decoder that was sliced block by block as its ONNX graph has it: norms without weights that divide by the dense hidden
// size D, and residuals that go through shortcuts (SliceGPT §3.3; core/slicing/per-block).
import type { LayerRole } from '../../architectures/architecture.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import type { Value } from '../../graph/graph-builder.ts';
import { blockSteps } from '../../slicing/per-block/block-steps.ts';
import { headBiasName, layerForms, layerWidths, shortcutName } from '../../slicing/per-block/fused-form.ts';
import type { LayerForm } from '../../slicing/per-block/fused-form.ts';
import type { SlicedDecoder } from '../../slicing/per-block/sliced-decoder.ts';
import { slicedNorm } from '../../slicing/per-block/sliced-graphs.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import { globalTensorName } from '../weights/decoder-tensors.ts';
import type { DecoderTensor } from '../weights/decoder-tensors.ts';
import type { ExportedForm, ExportedLayer } from './exported-form.ts';
import type { PortableGraph } from './portable-graph.ts';

/** Matrices of `type`, shortcuts [n, o] among them. */
export function slicedForm(decoder: SlicedDecoder, type: WeightType): ExportedForm {
  const { model, architecture, config, widths, embeddings, positions, lmHead, lmHeadBias } = decoder;
  const { hiddenSize, normEps } = config;
  const globals = { embeddings, positions, lmHead, lmHeadBias };
  const names = {
    ...{ embeddings: globalTensorName(decoder, 'embeddings'), lmHead: globalTensorName(decoder, 'lmHead') },
    positions: positions && globalTensorName(decoder, 'positions'),
    lmHeadBias: lmHeadBias && headBiasName(decoder),
  };
  const norm = (g: PortableGraph, rows: Value, width: number): Value => {
    const { weight, eps } = slicedNorm(width, hiddenSize, normEps);
    return g.rmsNorm(rows, g.floats(Float32Array.of(weight), []), eps);
  };
  const layers = decoder.layers.map((entries, layer) => slicedLayer(decoder, entries, layer, norm));
  const tensorOf = (name: string, source: TensorEntry): DecoderTensor => ({
    ...{ name, source, shape: source.shape, type: source.shape.length === 1 ? 'F32' : type, separatesHalves: false },
  });
  return {
    ...{ model, architecture, config, ropeDivisors: null },
    width: widths[0]!,
    tensors: [
      ...(Object.keys(globals) as (keyof typeof globals)[]).flatMap((role) => {
        const [source, name] = [globals[role], names[role]];
        return source && name !== null ? [tensorOf(name, source)] : [];
      }),
      ...layers.flatMap(({ tensors }) => Array.from(tensors, ([name, source]) => tensorOf(name, source))),
    ],
    nameOf: (role) => (role in names ? names[role as keyof typeof names] : null),
    layers,
    finalNorm: (g, rows) => norm(g, rows, widths.at(-1)!),
  };
}

/** Name of a weight: linears that share a tensor in a folder are apart. */
export const partName = ({ role, name, own }: LayerForm): string => (own ? `${name}.${role}` : name);

function slicedLayer(
  decoder: SlicedDecoder,
  entries: SlicedDecoder['layers'][number],
  layer: number,
  norm: (g: PortableGraph, rows: Value, width: number) => Value,
): ExportedLayer & { tensors: ReadonlyMap<string, TensorEntry> } {
  const { architecture, widths } = decoder;
  const steps = blockSteps(architecture);
  const ownWidths = layerWidths(decoder, widths, layer);
  const names = new Map<string, string>(layerForms(decoder, widths, layer).map((form) => [form.role, partName(form)]));
  return {
    tensors: new Map(Array.from(entries, ([role, entry]) => [names.get(role)!, entry])),
    roles: new Set(Array.from(entries.keys()) as LayerRole[]),
    nameOf: (role) => names.get(role)!,
    residualParts: (g) => ({
      norm: (rows, role) => norm(g, rows, ownWidths[steps.findIndex((step) => step.norm === role)]!.input),
      residual: (rows, branches, role) => {
        const { shortcut } = steps.find((step) => step.norm === role)!;
        return g.sum([g.matmul(rows, g.weight(shortcutName(decoder, layer, shortcut))), ...branches]);
      },
    }),
  };
}
