// Spectra of every site of a dense model: what the variance scheduler finds widths by.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { residualShape } from '../../core/graph/embed-windows.ts';
import { fileResidual } from '../../core/graph/residual.ts';
import { siteSpectra as spectraOf } from '../../core/slicing/per-block/variance-widths.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const siteSpectra: HandlersOf<WorkerApi>['siteSpectra'] = async (params, { signal, progress }) => {
  const { source, windows, signals, paperCompat, scratch, threads } = params;
  const start = performance.now();
  const model = await openModel(source);
  const paths = [join(scratch, 'spectra-0.residual'), join(scratch, 'spectra-1.residual')] as const;
  try {
    const decoder = openDecoder(model);
    await mkdir(scratch, { recursive: true });
    const residual = await fileResidual(residualShape(decoder, windows), { paths, current: 0 });
    try {
      const spectra = await spectraOf({
        ...{ decoder, windows, signals, paperCompat, residual, signal, progress },
        ...{ runtime: onnxRuntime(params), dequantize: nativeDequantizer(threads) },
        linearAlgebra: openLinearAlgebra(threads),
      });
      return { spectra, seconds: (performance.now() - start) / 1000, peakMemoryBytes: peakMemoryBytes() };
    } finally {
      await residual.close();
      for (const path of paths) await rm(path, { force: true });
    }
  } finally {
    await model.close();
  }
};
