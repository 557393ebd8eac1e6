// Compares two models on their own block graphs: per token the NLL of each, their KL divergence and agreement.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { compareModels } from '../../core/graph/compare-models.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const compareBlocks: HandlersOf<WorkerApi>['compareBlocks'] = async (params, { signal, progress }) => {
  const { windows, scratch, threads, provider, keptReference } = params;
  const start = performance.now();
  const runtime = onnxRuntime({ provider, threads });
  const dequantize = nativeDequantizer(threads);
  const candidate = await openModel(params.candidate);
  try {
    const reference = params.reference === null ? null : await openModel(params.reference);
    try {
      let referenceSeconds = 0;
      const compared = await compareModels({
        onReference: (taken) => (referenceSeconds = taken),
        reference: reference && (await openRunnable(reference)),
        candidate: await openRunnable(candidate),
        ...{ windows, scratch, keptReference, runtime, dequantize, signal, progress },
      });
      const tokens = windows.reduce((sum, { length }) => sum + length, 0);
      const seconds = (performance.now() - start) / 1000;
      return { windows: compared, tokens, seconds, referenceSeconds, peakMemoryBytes: peakMemoryBytes() };
    } finally {
      await reference?.close();
    }
  } finally {
    await candidate.close();
  }
};
