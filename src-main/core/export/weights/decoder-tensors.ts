// A decoder's tensors as Hugging Face names and orders them, whatever the model is stored as.
import type { GlobalRole, LayerRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { TensorEntry, TensorShape } from '../../formats/tensor.ts';
import { hasInterleavedRows } from '../../graph/block-weights.ts';
import type { WeightType } from '../../formats/weight-types.ts';

export interface DecoderTensor extends TensorShape {
  /** Of Hugging Face. */
  name: string;
  type: WeightType;
  source: TensorEntry;
  /** Rows of a head are in pairs in the source and are written as halves. */
  separatesHalves: boolean;
}

/** Name of a tensor outside of the layers that the family has. */
export const globalTensorName = ({ architecture }: Pick<Decoder, 'architecture'>, role: GlobalRole): string =>
  architecture.globals[role]!.huggingFace!;

/** Name of a layer's tensor; of one of several linears in a tensor, with its role behind. */
export function layerTensorName({ architecture }: Decoder, layer: number, role: LayerRole): string {
  const { huggingFace, siblings } = architecture.layer[role]!;
  return `${architecture.huggingFaceLayers}.${layer}.${huggingFace}${siblings ? `.${role}` : ''}`;
}

/**
 * Every tensor once, a tied output layer as the embeddings; matrices of `type`, vectors F32. Linears that share a tensor
 * are apart, and of a table of positions there are the rows that are positions.
 */
export function decoderTensors(decoder: Decoder, type: WeightType): DecoderTensor[] {
  const tensorOf = (name: string, source: TensorEntry, separatesHalves = false): DecoderTensor => ({
    name,
    type: source.shape.length === 1 ? 'F32' : type,
    shape: source.shape,
    source,
    separatesHalves,
  });
  const { embeddings, positions, finalNorm, finalNormBias, lmHead, lmHeadBias, layers } = decoder;
  const global = (role: GlobalRole, source: TensorEntry | null): DecoderTensor[] =>
    source ? [tensorOf(globalTensorName(decoder, role), source)] : [];
  return [
    ...global('embeddings', embeddings),
    ...global('positions', positions),
    ...layers.flatMap((entries, layer) =>
      Array.from(entries, ([role, source]) =>
        tensorOf(layerTensorName(decoder, layer, role), source, hasInterleavedRows(decoder, role)),
      ),
    ),
    ...global('finalNorm', finalNorm),
    ...global('finalNormBias', finalNormBias),
    ...global('lmHead', lmHead === embeddings ? null : lmHead),
    ...global('lmHeadBias', lmHeadBias),
  ];
}

/** The same as a folder has them: linears that share a tensor together, tables of positions whole. */
export function folderTensors(decoder: Decoder, type: WeightType): DecoderTensor[] {
  const files = new Map(decoder.model.tensors.map((entry) => [entry.name, entry]));
  const whole = new Map<string, DecoderTensor>();
  for (const tensor of decoderTensors(decoder, type)) {
    const name = tensor.name.replace(/(\.weight|\.bias)\.\w+$/, '$1');
    const isPart = name !== tensor.name || tensor.source === decoder.positions;
    const source = isPart ? files.get(tensor.source.name)! : tensor.source;
    whole.set(name, { ...tensor, name, source, shape: source.shape });
  }
  return [...whole.values()];
}
