// Slices a model by one shared rotation, and writes the header of such a slice for planning.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { openImportance } from '../../core/quantization/importance-file.ts';
import { readGram } from '../../core/calibration/gram-file.ts';
import { pointsOfSpectrum } from '../../core/linear-algebra/spectrum-points.ts';
import { sharedRotation } from '../../core/slicing/shared-rotation.ts';
import { writeSliceHeader } from '../../core/slicing/slice-header.ts';
import { sliceShared as slice } from '../../core/slicing/slice-shared.ts';
import { keptWith } from '../kept-part.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { nativeQuantizer } from '../native/native-quantizer.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const sliceShared: HandlersOf<WorkerApi>['sliceShared'] = async (params, { signal, progress }) => {
  const { source, output, type, types, fileType, width, orientation, seed, precision, threads } = params;
  const file = params.importance === null ? null : await openImportance(params.importance);
  const model = await openModel(source).catch(async (error: unknown) => {
    await file?.close();
    throw error;
  });
  try {
    const linearAlgebra = openLinearAlgebra(threads);
    const gram = await readGram(params.gram);
    const rotation = await sharedRotation({ ...gram, width, orientation, seed, precision, linearAlgebra, signal });
    const { energyLost, orthogonality, orientation: turned } = rotation;
    const facts = { name: 'shared rotation', spectrum: pointsOfSpectrum(rotation.eigenvalues) };
    const sites = [width < rotation.size ? { ...facts, width, energyLost } : facts];
    progress({ stage: 'slice', done: 0, total: 1, sites });
    const result = await slice({
      ...{ decoder: openDecoder(model), rotation, output, type, types, fileType, linearAlgebra, signal, progress },
      importance: file && { file, gram },
      kept: keptWith(params.kept ?? null, rotation.basis),
      dequantize: nativeDequantizer(threads),
      quantizer: nativeQuantizer(threads),
    });
    return {
      ...result,
      precision,
      energyLost,
      orthogonality,
      hadamardOrder: turned.hadamardOrder,
      randomOrder: turned.randomOrder,
      linearAlgebra: linearAlgebra.library.name,
      peakMemoryBytes: peakMemoryBytes(),
    };
  } finally {
    await file?.close();
    await model.close();
  }
};

export const sliceHeader: HandlersOf<WorkerApi>['sliceHeader'] = async (params) => {
  const { source, output, width, type, orientation: kind, seed } = params;
  const model = await openModel(source);
  try {
    const decoder = openDecoder(model);
    const rotation = { size: decoder.config.hiddenSize, width, orientation: { kind, seed } };
    const dequantize = nativeDequantizer(1);
    return await writeSliceHeader({ decoder, rotation, output, type, dequantize });
  } finally {
    await model.close();
  }
};
