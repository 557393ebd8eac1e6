// Slices a model by one shared rotation, and checks that a rotation alone changes nothing.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import type { Decoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { readGram } from '../../core/calibration/gram-file.ts';
import { checkInvariance } from '../../core/slicing/invariance.ts';
import { sharedRotation } from '../../core/slicing/shared-rotation.ts';
import { sliceShared as slice } from '../../core/slicing/slice-shared.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const sliceShared: HandlersOf<WorkerApi>['sliceShared'] = async (params, { signal, progress }) => {
  const { source, gram, output, type, width, orientation, seed, threads } = params;
  return withDecoder(source, async (decoder) => {
    const linearAlgebra = openLinearAlgebra(threads);
    const rotation = await sharedRotation({
      ...(await readGram(gram)),
      width,
      orientation,
      seed,
      linearAlgebra,
      signal,
    });
    const dequantize = nativeDequantizer(threads);
    const result = await slice({ decoder, rotation, output, type, dequantize, linearAlgebra, signal, progress });
    const { energyLost, orthogonality, orientation: turned } = rotation;
    return {
      ...result,
      energyLost,
      orthogonality,
      hadamardOrder: turned.hadamardOrder,
      randomOrder: turned.randomOrder,
      linearAlgebra: linearAlgebra.library.name,
      peakMemoryBytes: peakMemoryBytes(),
    };
  });
};

export const invariance: HandlersOf<WorkerApi>['invariance'] = async (params, { signal, progress }) => {
  const { source, gram, windows, scratch, threads } = params;
  return withDecoder(source, async (decoder) => {
    const linearAlgebra = openLinearAlgebra(threads);
    const width = decoder.config.hiddenSize;
    const rotation = await sharedRotation({ ...(await readGram(gram)), width, linearAlgebra, signal });
    const [dequantize, runtime] = [nativeDequantizer(threads), onnxRuntime({ threads })];
    const start = performance.now();
    const found = await checkInvariance({
      ...{ decoder, rotation, windows, scratch, dequantize, runtime, linearAlgebra, signal, progress },
    });
    return { ...found, orthogonality: rotation.orthogonality, seconds: (performance.now() - start) / 1000 };
  });
};

async function withDecoder<T>(source: string, work: (decoder: Decoder) => Promise<T>): Promise<T> {
  const model = await openModel(source);
  try {
    return await work(openDecoder(model));
  } finally {
    await model.close();
  }
}
