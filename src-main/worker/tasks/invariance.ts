// Checks that a rotation alone changes nothing of what a model computes.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { checkInvariance } from '../../core/slicing/invariance.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const invariance: HandlersOf<WorkerApi>['invariance'] = async (params, { signal, progress }) => {
  const { source, windows, threads, provider } = params;
  const start = performance.now();
  const model = await openModel(source);
  try {
    const found = await checkInvariance({
      ...{ decoder: openDecoder(model), windows, signal, progress },
      runtime: onnxRuntime({ provider, threads }),
      dequantize: nativeDequantizer(threads),
      linearAlgebra: openLinearAlgebra(threads),
    });
    return { ...found, seconds: (performance.now() - start) / 1000, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await model.close();
  }
};
