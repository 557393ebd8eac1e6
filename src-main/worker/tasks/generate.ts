// Writes on from a prompt with an exported ONNX model and its cache.
import { stat } from 'node:fs/promises';
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { generateTokens } from '../../core/generation/generate-tokens.ts';
import { openDecodingSession } from '../onnx/decoding-session.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const generate: HandlersOf<WorkerApi>['generate'] = async (params, { signal, progress }) => {
  const { model, maxTokens, stopIds, temperature, topK, seed, threads, provider } = params;
  const prompt = Array.from(params.prompt);
  await stat(model).catch((error: unknown) => {
    throw AppError.from(error);
  });
  const session = await openDecodingSession(model, { threads, provider });
  try {
    const { ids, ...made } = await generateTokens({
      ...{ session, prompt, maxTokens, stopIds: new Set(stopIds), sampling: { temperature, topK, seed }, signal },
      onPrompt: (done) =>
        progress({ stage: 'prefill', done, total: prompt.length, unit: 'tokens', ids: new Int32Array() }),
      onToken: (id, done) =>
        progress({ stage: 'generate', done, total: maxTokens, unit: 'tokens', ids: Int32Array.of(id) }),
    });
    return { ...made, ids: Int32Array.from(ids), peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await session.close();
  }
};
