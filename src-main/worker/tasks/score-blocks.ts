// Sums of log-probabilities of continuations after their contexts (multiple choice), by the model's own block graphs.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { scoreContinuations } from '../../core/graph/score-continuations.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const scoreBlocks: HandlersOf<WorkerApi>['scoreBlocks'] = async (params, { signal, progress }) => {
  const { items, scratch, threads, provider } = params;
  const start = performance.now();
  const source = await openModel(params.model);
  try {
    const scores = await scoreContinuations({
      ...{ model: await openRunnable(source), items, scratch, signal, progress },
      ...{ runtime: onnxRuntime({ provider, threads }), dequantize: nativeDequantizer(threads) },
    });
    return { ...scores, seconds: (performance.now() - start) / 1000, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await source.close();
  }
};
