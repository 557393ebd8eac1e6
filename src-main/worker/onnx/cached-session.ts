// An ONNX model that core/export/onnx wrote, with the cache of several texts of one length side by side: what a run gives as
// `present` is fed as the next run's `past_key_values`, the very arrays. onnxruntime makes new ones each time, as the joined
// tensors are longer. Letters: B texts, V vocabulary, P cached tokens, T new ones.
import { Tensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { AppError } from '../../contract/errors.ts';
import type { LogitSession } from '../../core/generation/session-logits.ts';
import { openSession, runFailure } from './onnx-runtime.ts';
import type { OnnxOptions } from './onnx-runtime.ts';

export interface CachedSession extends LogitSession {
  /** As `advance`, where no logits are wanted: those of long prompts side by side are as large as the model. @throws OUT_OF_MEMORY */
  read(ids: ArrayLike<number>, batch: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sines and cosines of angles up to the longest context: WebGPU promises them to 2^-11 alone (WGSL, accuracy of `sin`); logits
 * of a tiny model are 2.5e-3 off with them, 2e-5 without. Names: core/export/onnx/portable-graph.ts.
 */
const rotaryNodes = ['rope.cos', 'rope.sin'];

/**
 * Opens FILE.onnx with an empty cache.
 * @throws FILE_MALFORMED when onnxruntime does not take it, or its inputs or outputs are not those of docs/onnx.md;
 * OUT_OF_MEMORY, DEVICE_UNAVAILABLE
 */
export async function openCachedSession(file: string, options: OnnxOptions): Promise<CachedSession> {
  const session = await openSession(file, { ...options, onProcessor: rotaryNodes }).catch((error: unknown) => {
    const failure = AppError.from(error);
    if (failure.code !== 'INTERNAL') throw failure;
    const reason = String(failure.details['reason']);
    const code = /alloc|memory/i.test(reason) ? 'OUT_OF_MEMORY' : 'FILE_MALFORMED';
    throw new AppError(code, `onnxruntime cannot open ${file}: ${reason}`, { file, reason }, error);
  });
  try {
    return cachedSession(session, cacheOf(session, file));
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
function cacheOf({ inputMetadata, outputMetadata }: InferenceSession, file: string): Shapes {
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

function cachedSession(session: InferenceSession, { vocabSize, cache }: Shapes): CachedSession {
  let length = 0;
  let past: Record<string, Tensor> | null = null;
  const emptyCache = (batch: number): Record<string, Tensor> =>
    Object.fromEntries(
      cache.map(({ past: name, heads, headDim }) => [name, new Tensor('float32', [], [batch, heads, 0, headDim])]),
    );
  const presents = cache.map(({ present }) => present);

  async function run(
    ids: ArrayLike<number>,
    batch: number,
    outputs: readonly string[],
  ): Promise<InferenceSession.ReturnType> {
    const tokens = ids.length / batch;
    const total = length + tokens;
    const rows = (values: BigInt64Array, columns: number): Tensor => new Tensor('int64', values, [batch, columns]);
    const feeds = {
      input_ids: rows(BigInt64Array.from(ids, BigInt), tokens),
      attention_mask: rows(new BigInt64Array(batch * total).fill(1n), total),
      position_ids: rows(
        BigInt64Array.from(ids, (_, index) => BigInt(length + (index % tokens))),
        tokens,
      ),
      ...(past ?? emptyCache(batch)),
    };
    const found = await session.run(feeds, outputs).catch((error: unknown) => {
      throw runFailure(error);
    });
    length = total;
    past = Object.fromEntries(cache.map((part) => [part.past, found[part.present]!]));
    return found;
  }

  return {
    vocabSize,
    reset() {
      length = 0;
      past = null;
    },
    async advance(ids, batch) {
      const { logits } = await run(ids, batch, ['logits', ...presents]);
      return logits!.data as Float32Array;
    },
    async read(ids, batch) {
      await run(ids, batch, presents);
    },
    close: () => session.release(),
  };
}
