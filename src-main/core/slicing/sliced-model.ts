// A sliced model as it will be, before a weight is transformed: its tensors, its keys, and what slicing does to its size.
import { AppError } from '../../contract/errors.ts';
import type { Decoder } from '../architectures/decoder.ts';
import type { GgufMetadata } from '../formats/gguf-values.ts';
import { weightCount } from '../formats/model-source.ts';
import { readFloats } from '../graph/float-values.ts';
import type { Dequantize } from '../graph/float-values.ts';
import type { RotationForm } from './shared-rotation.ts';
import { requireWidth } from './shared-width.ts';
import { slicedMetadata } from './sliced-metadata.ts';
import { requireSharedForm } from './shared-refusal.ts';
import { planSlicedTensors } from './sliced-tensors.ts';
import type { SlicedTensor } from './sliced-tensors.ts';
import { writtenForm } from './written-form.ts';

export interface SlicedSizes {
  width: number;
  /** 1 - width / hidden size. */
  sparsity: number;
  /** Elements of all weights, a tied output layer once; divisors of rotary frequencies are none. */
  parametersBefore: number;
  parametersAfter: number;
  /** Elements that the output layer costs because its tie did not survive. */
  untiedParameters: number;
}

export interface SlicedModel {
  /** general.architecture of the file. */
  architecture: string;
  /** The output layer is still the embedding matrix. */
  tiedEmbeddings: boolean;
  /** Of a file in which every tensor is F32. */
  metadata: GgufMetadata;
  /** In llama.cpp's order. */
  tensors: readonly SlicedTensor[];
  sizes: SlicedSizes;
}

/**
 * Plans the sliced form of a model. Of its weights it reads the last norm's: that decides whether a tie survives.
 * @throws UNSUPPORTED_ARCHITECTURE when the sliced model has no form; USAGE when the rotation is of another size than the model, or its width not within it; NON_FINITE; for
 * folders also as convertFolder
 */
export async function planSlicedModel(
  decoder: Decoder,
  rotation: RotationForm,
  dequantize: Dequantize,
  withTokenizer = true,
): Promise<SlicedModel> {
  const { hiddenSize, tiedEmbeddings: wasTied, vocabSize } = decoder.config;
  requireSharedForm(decoder);
  const { size, width } = rotation;
  if (size !== hiddenSize) {
    const message = `The rotation is one of ${size} dimensions, the model has ${hiddenSize}: calibrate this model.`;
    throw new AppError('USAGE', message, { rotation: size, hiddenSize });
  }
  requireWidth(width, size);
  const finalNorm = await readFloats(decoder.model, decoder.finalNorm, dequantize);
  const isConstant = finalNorm.every((value) => value === finalNorm[0]);
  const form = writtenForm(decoder);
  const constantFinalNorm = isConstant ? finalNorm[0]! : null;
  const { tensors, tiedEmbeddings } = planSlicedTensors({ decoder, width, form, constantFinalNorm });
  return {
    architecture: form.architecture,
    tiedEmbeddings,
    metadata: await slicedMetadata({ decoder, rotation, form, tensors, withTokenizer }),
    tensors,
    sizes: {
      width,
      sparsity: 1 - width / hiddenSize,
      parametersBefore: sourceParameters(decoder),
      parametersAfter: weightCount(tensors),
      untiedParameters: wasTied && !tiedEmbeddings ? vocabSize * width : 0,
    },
  };
}

function sourceParameters({ embeddings, finalNorm, lmHead, layers }: Decoder): number {
  const entries = new Set([embeddings, finalNorm, lmHead, ...layers.flatMap((layer) => [...layer.values()])]);
  return weightCount([...entries]);
}
