// The end of a sliced model as the head of any model: a norm over its width with one weight for all columns, which makes
// RMSN_D of it (released code, modules.py: the divisor stays D), and its output layer.
import type { TensorEntry } from '../../formats/tensor.ts';
import { bytesOf } from '../../formats/typed-views.ts';
import type { HeadSource } from '../../graph/head-slabs.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';
import { slicedNorm } from './sliced-graphs.ts';

/** The head of a sliced model; the last norm's weight [h] float32 is made when it is read. */
export function slicedHead(decoder: SlicedDecoder): HeadSource {
  const { model, config, widths, architecture, lmHead, lmHeadBias } = decoder;
  const hiddenSize = widths.at(-1)!;
  const { weight, eps } = slicedNorm(hiddenSize, config.hiddenSize, config.normEps);
  const bytes = hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const finalNorm: TensorEntry = {
    ...{ name: 'the last norm of a sliced model', type: 'F32', shape: [hiddenSize], shard: 0, offset: 0, bytes },
  };
  return {
    ...{ architecture, finalNorm, finalNormBias: null, lmHead, lmHeadBias },
    config: { hiddenSize, normEps: eps, vocabSize: config.vocabSize },
    model: {
      read: (entry, offset, length) => model.read(entry, offset, length),
      async readInto(entry, target, offset = 0) {
        if (entry !== finalNorm) return model.readInto(entry, target, offset);
        const weights = bytesOf(new Float32Array(hiddenSize).fill(weight));
        target.set(weights.subarray(offset, offset + target.length));
      },
    },
  };
}
