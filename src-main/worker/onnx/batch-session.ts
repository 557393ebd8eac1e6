// An ONNX model that core/export/onnx wrote, with the cache of several texts of one length side by side, for timing: logits
// are not looked at. Letters: B texts, T new tokens of each, P cached ones.
import { Tensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import type { TimedSession } from '../../core/generation/time-session.ts';
import { cacheOf } from './decoding-session.ts';
import { openSession, runFailure } from './onnx-runtime.ts';
import type { OnnxOptions } from './onnx-runtime.ts';

export interface OpenedBatchSession extends TimedSession {
  close(): Promise<void>;
}

/** @throws FILE_MALFORMED when inputs or outputs are not those of docs/onnx.md; DEVICE_UNAVAILABLE */
export async function openBatchSession(file: string, options: OnnxOptions): Promise<OpenedBatchSession> {
  const session = await openSession(file, options);
  try {
    return batchSession(session, cacheOf(session, file));
  } catch (error) {
    await session.release();
    throw error;
  }
}

function batchSession(session: InferenceSession, { vocabSize, cache }: ReturnType<typeof cacheOf>): OpenedBatchSession {
  let length = 0;
  let past: Record<string, Tensor> | null = null;
  const emptyCache = (batch: number): Record<string, Tensor> =>
    Object.fromEntries(
      cache.map(({ past: name, heads, headDim }) => [name, new Tensor('float32', [], [batch, heads, 0, headDim])]),
    );
  return {
    vocabSize,
    reset() {
      length = 0;
      past = null;
    },
    async advance(ids, batch) {
      const tokens = ids.length / batch;
      const total = length + tokens;
      const feeds = {
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [batch, tokens]),
        attention_mask: new Tensor('int64', new BigInt64Array(batch * total).fill(1n), [batch, total]),
        position_ids: new Tensor(
          'int64',
          BigInt64Array.from(ids, (_, index) => BigInt(length + (index % tokens))),
          [batch, tokens],
        ),
        ...(past ?? emptyCache(batch)),
      };
      const outputs = await session.run(feeds).catch((error: unknown) => {
        throw runFailure(error);
      });
      length = total;
      past = Object.fromEntries(cache.map((part) => [part.past, outputs[part.present]!]));
    },
    close: () => session.release(),
  };
}
