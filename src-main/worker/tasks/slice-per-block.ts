// Slices a model block by block into a folder.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { residualShape } from '../../core/graph/embed-windows.ts';
import {
  countShortcuts,
  countSlicedParameters,
  parameterShapeOf,
} from '../../core/slicing/per-block/count-parameters.ts';
import { scheduledWidths } from '../../core/slicing/per-block/scheduled-widths.ts';
import { pcaBasis } from '../../core/slicing/per-block/site-basis.ts';
import { siteLayout } from '../../core/slicing/per-block/site-widths.ts';
import { writeSlicedFolder } from '../../core/slicing/per-block/sliced-folder.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';
import { withScratchResidual } from '../scratch-residual.ts';

export const slicePerBlock: HandlersOf<WorkerApi>['slicePerBlock'] = async (params, { signal, progress }) => {
  const {
    source,
    output: folder,
    schedule,
    windows,
    signals,
    paperCompat,
    scratch,
    threads,
    orientation,
    seed,
    precision,
  } = params;
  const { type, force, tokenizerFrom } = params;
  const start = performance.now();
  const model = await openModel(source);
  try {
    const decoder = openDecoder(model);
    const linearAlgebra = openLinearAlgebra(threads);
    return await withScratchResidual(scratch, residualShape(decoder, windows), async (residual) => {
      const options = {
        ...{ decoder, windows, signals, paperCompat, residual, linearAlgebra, signal, progress },
        ...{ runtime: onnxRuntime(params), dequantize: nativeDequantizer(threads) },
      };
      const { widths, sparsity, retained } = await scheduledWidths(schedule, options);
      const basis = { orientation, seed };
      const findBasis = pcaBasis({ linearAlgebra, signal, precision, ...basis });
      const own = { precision, widths, findBasis, basis, folder, type, force, tokenizerFrom };
      const made = await writeSlicedFolder({ ...options, ...own });
      const { fileBytes, sha256, hasTokenizer, sites } = made;
      const { vocabSize, hiddenSize, tiedEmbeddings } = decoder.config;
      return {
        ...{ fileBytes, sha256, hasTokenizer, precision, widths, sparsity, retained },
        sites: sites.map(({ name, width, energyLost, orthogonality }) => ({ name, width, energyLost, orthogonality })),
        eigenvalues: params.eigenvalues
          ? sites.map(({ eigenvalues, damping }) => ({ values: Array.from(eigenvalues), damping }))
          : null,
        parametersBefore: model.parameters,
        parametersAfter: countSlicedParameters(parameterShapeOf(decoder), widths),
        shortcutParameters: countShortcuts(siteLayout(decoder), widths),
        untiedParameters: tiedEmbeddings ? vocabSize * (widths.head_dimension ?? hiddenSize) : 0,
        linearAlgebra: linearAlgebra.library.name,
        seconds: (performance.now() - start) / 1000,
        peakMemoryBytes: peakMemoryBytes(),
      };
    });
  } finally {
    await model.close();
  }
};
