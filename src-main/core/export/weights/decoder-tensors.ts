// A decoder's tensors as Hugging Face names and orders them, whatever the model is stored as.
import type { LayerRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { globalTensors } from '../../architectures/layer-tensors.ts';
import type { TensorEntry, TensorShape } from '../../formats/tensor.ts';
import { hasInterleavedRows } from '../../graph/block-weights.ts';
import type { WeightType } from '../hf-to-gguf/plan-tensors.ts';

export interface DecoderTensor extends TensorShape {
  /** Of Hugging Face. */
  name: string;
  type: WeightType;
  source: TensorEntry;
  /** Rows of a head are in pairs in the source and are written as halves. */
  separatesHalves: boolean;
}

/** Name of a layer's tensor. */
export function layerTensorName(
  { architecture }: Pick<Decoder, 'architecture'>,
  layer: number,
  role: LayerRole,
): string {
  return `model.layers.${layer}.${architecture.layer[role]!.huggingFace}`;
}

/** Every tensor once, a tied output layer as the embeddings; matrices of `type`, vectors F32. */
export function decoderTensors(decoder: Decoder, type: WeightType): DecoderTensor[] {
  const tensorOf = (name: string, source: TensorEntry, separatesHalves = false): DecoderTensor => ({
    name,
    type: source.shape.length === 1 ? 'F32' : type,
    shape: source.shape,
    source,
    separatesHalves,
  });
  const { embeddings, finalNorm, lmHead, layers } = decoder;
  return [
    tensorOf(globalTensors.embeddings.huggingFace, embeddings),
    ...layers.flatMap((entries, layer) =>
      Array.from(entries, ([role, source]) =>
        tensorOf(layerTensorName(decoder, layer, role), source, hasInterleavedRows(decoder, role)),
      ),
    ),
    tensorOf(globalTensors.finalNorm.huggingFace, finalNorm),
    ...(lmHead === embeddings ? [] : [tensorOf(globalTensors.lmHead.huggingFace, lmHead)]),
  ];
}
