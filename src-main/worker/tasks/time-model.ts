// Times an exported ONNX model with its cache.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { timedRounds, timeSession } from '../../core/generation/time-session.ts';
import { openCachedSession } from '../onnx/cached-session.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const timeModel: HandlersOf<WorkerApi>['timeModel'] = async (params, { signal, progress }) => {
  const { model, batch, promptTokens, decodeTokens, seed, threads, provider } = params;
  const session = await openCachedSession(model, { threads, provider });
  try {
    const timing = await timeSession({
      ...{ session, batch, promptTokens, decodeTokens, seed, signal },
      onRun: (done) => progress({ stage: 'time', done, total: timedRounds + 1, unit: 'items' }),
    });
    return { ...timing, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await session.close();
  }
};
