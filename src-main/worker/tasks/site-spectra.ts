// Spectra of every site of a dense model: what the variance scheduler finds widths by.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { residualShape } from '../../core/graph/embed-windows.ts';
import { siteSpectra as spectraOf } from '../../core/slicing/per-block/variance-widths.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';
import { withScratchResidual } from '../scratch-residual.ts';

export const siteSpectra: HandlersOf<WorkerApi>['siteSpectra'] = async (params, { signal, progress }) => {
  const { source, windows, signals, paperCompat, scratch, threads } = params;
  const start = performance.now();
  const model = await openModel(source);
  try {
    const decoder = openDecoder(model);
    return await withScratchResidual(scratch, residualShape(decoder, windows), async (residual) => {
      const spectra = await spectraOf({
        ...{ decoder, windows, signals, paperCompat, residual, signal, progress },
        ...{ runtime: onnxRuntime(params), dequantize: nativeDequantizer(threads) },
        linearAlgebra: openLinearAlgebra(threads),
      });
      return { spectra, seconds: (performance.now() - start) / 1000, peakMemoryBytes: peakMemoryBytes() };
    });
  } finally {
    await model.close();
  }
};
