// An ONNX model that core/export/onnx wrote, with the cache of one text: what a run gives as `present` is fed as the next
// run's `past_key_values`, the very arrays. onnxruntime makes new ones each time, as the joined tensors are longer.
// Letters: V vocabulary, P cached tokens, T new ones.
import { Tensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { AppError } from '../../contract/errors.ts';
import type { DecodingSession } from '../../core/generation/generate-tokens.ts';
import { openSession, runFailure } from './onnx-runtime.ts';
import type { OnnxOptions } from './onnx-runtime.ts';

export interface OpenedDecodingSession extends DecodingSession {
  close(): Promise<void>;
}

/**
 * Opens FILE.onnx with an empty cache.
 * @throws FILE_MALFORMED when onnxruntime does not take it, or its inputs or outputs are not those of docs/onnx.md; OUT_OF_MEMORY
 */
export async function openDecodingSession(
  file: string,
  { threads }: Pick<OnnxOptions, 'threads'>,
): Promise<OpenedDecodingSession> {
  const session = await openSession(file, { threads }).catch((error: unknown) => {
    const reason = String(AppError.from(error).details['reason']);
    const code = /alloc|memory/i.test(reason) ? 'OUT_OF_MEMORY' : 'FILE_MALFORMED';
    throw new AppError(code, `onnxruntime cannot open ${file}: ${reason}`, { file, reason }, error);
  });
  try {
    return decodingSession(session, cacheOf(session, file));
  } catch (error) {
    await session.release();
    throw error;
  }
}

interface Shapes {
  vocabSize: number;
  /** Inputs of the cache, each with its heads and their size. */
  cache: { past: string; present: string; heads: number; headDim: number }[];
}

/** The cache that a model has, and its vocabulary. @throws FILE_MALFORMED */
export function cacheOf({ inputMetadata, outputMetadata }: InferenceSession, file: string): Shapes {
  const sizesOf = (metadata: InferenceSession.ValueMetadata | undefined): readonly (number | string)[] =>
    metadata?.isTensor ? metadata.shape : [];
  const outputs = new Map(outputMetadata.map((metadata) => [metadata.name, sizesOf(metadata)]));
  const cache = inputMetadata.flatMap((metadata) => {
    const [, index, part] = /^past_key_values\.(\d+)\.(key|value)$/.exec(metadata.name) ?? [];
    const [, heads, , headDim] = sizesOf(metadata);
    const present = `present.${index}.${part}`;
    const isKnown = typeof heads === 'number' && typeof headDim === 'number' && outputs.has(present);
    return isKnown ? [{ past: metadata.name, present, heads, headDim }] : [];
  });
  const others = inputMetadata.map(({ name }) => name).filter((name) => !cache.some(({ past }) => past === name));
  const vocabSize = outputs.get('logits')?.[2];
  const expected = ['attention_mask', 'input_ids', 'position_ids'];
  if (cache.length === 0 || typeof vocabSize !== 'number' || others.toSorted().join() !== expected.join()) {
    const message = `${file} is not a decoder that Snug wrote: expected the inputs ${expected.join(', ')} and past_key_values.N.key and .value, and the output logits; its inputs are ${inputMetadata.map(({ name }) => name).join(', ')}.`;
    throw new AppError('FILE_MALFORMED', message, { file, expected, inputs: inputMetadata.map(({ name }) => name) });
  }
  return { vocabSize, cache };
}

function decodingSession(session: InferenceSession, { vocabSize, cache }: Shapes): OpenedDecodingSession {
  let length = 0;
  let past: Record<string, Tensor> = Object.fromEntries(
    cache.map(({ past: name, heads, headDim }) => [name, new Tensor('float32', [], [1, heads, 0, headDim])]),
  );
  return {
    vocabSize,
    async advance(ids) {
      const row = (values: readonly number[]): Tensor =>
        new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
      const total = length + ids.length;
      const feeds = {
        input_ids: row(ids),
        attention_mask: new Tensor('int64', new BigInt64Array(total).fill(1n), [1, total]),
        position_ids: row(ids.map((_, index) => length + index)),
        ...past,
      };
      const outputs = await session.run(feeds).catch((error: unknown) => {
        throw runFailure(error);
      });
      length = total;
      past = Object.fromEntries(cache.map((part) => [part.past, outputs[part.present]!]));
      return (outputs['logits']!.data as Float32Array).subarray(-vocabSize);
    },
    close: () => session.release(),
  };
}
