// What a cost is counted from, of an opened model's header.
import type { ModelSource } from '../formats/model-source.ts';
import { elementCount } from '../formats/tensor.ts';
import type { ModelSize } from './stage-work.ts';

/** Tensors of routed experts, in GGUF files and in folders. */
const expertTensor = /_exps\.|\.experts\./;

/** null where the header does not say enough. Gate and shared experts pass every token. */
export function modelSizeOf(
  model: Pick<ModelSource, 'config' | 'experts' | 'tensors' | 'parameters' | 'fileBytes'>,
): ModelSize | null {
  const { config, experts, tensors, parameters, fileBytes: bytes } = model;
  const { hiddenSize, numHiddenLayers: layers, vocabSize } = config;
  if (hiddenSize === null || layers === null || layers === 0 || vocabSize === null) return null;
  const ofExperts = tensors
    .filter(({ name }) => expertTensor.test(name))
    .reduce((sum, { shape }) => sum + elementCount(shape)!, 0);
  const unused = experts?.used ? ofExperts * (1 - experts.used / experts.count) : 0;
  const embeddings = hiddenSize * vocabSize * (config.tiedEmbeddings ? 1 : 2);
  return {
    ...{ bytes, parameters, hiddenSize, layers, vocabSize },
    blockParameters: Math.max(0, parameters - unused - embeddings),
    largestTensor: Math.max(...tensors.map(({ shape }) => elementCount(shape)!)),
  };
}
