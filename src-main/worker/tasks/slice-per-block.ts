// Slices a model block by block into a folder.
import { mkdir } from 'node:fs/promises';
import type { HandlersOf, ParamsOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import { version } from '../../contract/version.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import type { Decoder } from '../../core/architectures/decoder.ts';
import { calibrationFingerprint } from '../../core/calibration/fingerprint.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { residualShape } from '../../core/graph/embed-windows.ts';
import type { Residual } from '../../core/graph/residual.ts';
import {
  countShortcuts,
  countSlicedParameters,
  parameterShapeOf,
} from '../../core/slicing/per-block/count-parameters.ts';
import { scheduledWidths } from '../../core/slicing/per-block/scheduled-widths.ts';
import { pcaBasis } from '../../core/slicing/per-block/site-basis.ts';
import { siteLayout, stepsPerLayer } from '../../core/slicing/per-block/site-widths.ts';
import { hasSpaceForCheckpoints, SliceCheckpoints } from '../../core/slicing/per-block/slice-checkpoints.ts';
import { writeSlicedFolder } from '../../core/slicing/per-block/sliced-folder.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { numericsOf } from '../numerics.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';
import { withScratchResidual } from '../scratch-residual.ts';

type Params = ParamsOf<WorkerApi['methods']['slicePerBlock']>;
type Reports = Parameters<HandlersOf<WorkerApi>['slicePerBlock']>[1];

export const slicePerBlock: HandlersOf<WorkerApi>['slicePerBlock'] = async (params, reports) => {
  const { output: folder, schedule, windows, signals, paperCompat, threads } = params;
  const { type, force, tokenizerFrom, orientation, seed, precision } = params;
  const { signal, progress } = reports;
  const start = performance.now();
  const model = await openModel(params.source);
  try {
    const decoder = openDecoder(model);
    const linearAlgebra = openLinearAlgebra(threads);
    return await withCheckpoints({ params, reports, decoder }, async (residual, checkpoints) => {
      const options = {
        ...{ decoder, windows, signals, paperCompat, residual, linearAlgebra, signal, progress },
        ...{ runtime: onnxRuntime(params), dequantize: nativeDequantizer(threads) },
      };
      const { widths, sparsity, retained } = await scheduledWidths(schedule, {
        ...options,
        ...checkpoints?.pass('spectra'),
      });
      const basis = { orientation, seed };
      const findBasis = pcaBasis({ linearAlgebra, signal, precision, ...basis });
      const pass = checkpoints?.pass('slice');
      const made = await writeSlicedFolder({
        ...{ ...options, ...pass, journal: checkpoints?.journal ?? null },
        ...{ precision, widths, findBasis, basis, folder, type, force, tokenizerFrom },
      });
      const { fileBytes, sha256, hasTokenizer, sites } = made;
      const { vocabSize, hiddenSize, tiedEmbeddings } = decoder.config;
      const layout = siteLayout(decoder);
      return {
        ...{ fileBytes, sha256, hasTokenizer, precision, widths, sparsity, retained },
        resumedAtLayer: pass?.resume ? Math.floor(pass.resume.steps / stepsPerLayer(layout.blockLayout)) : null,
        startedOver: checkpoints?.startedOver ?? null,
        isKept: checkpoints !== null,
        sites: sites.map(({ name, width, energyLost, orthogonality }) => ({ name, width, energyLost, orthogonality })),
        eigenvalues: params.eigenvalues
          ? sites.map(({ eigenvalues, damping }) => ({ values: Array.from(eigenvalues), damping }))
          : null,
        parametersBefore: model.parameters,
        parametersAfter: countSlicedParameters(parameterShapeOf(decoder), widths),
        shortcutParameters: countShortcuts(layout, widths),
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

interface Slicing {
  params: Params;
  reports: Reports;
  decoder: Decoder;
}

/** Where the disk has no room for checkpoints there are none, and the residual goes when `work` ends. */
async function withCheckpoints<T>(
  { params, reports, decoder }: Slicing,
  work: (residual: Residual, checkpoints: SliceCheckpoints | null) => Promise<T>,
): Promise<T> {
  const { checkpoints: folder, windows, type } = params;
  const { signal } = reports;
  await mkdir(folder, { recursive: true });
  if (!(await hasSpaceForCheckpoints({ folder, decoder, windows, type })))
    return withScratchResidual(folder, residualShape(decoder, windows), (residual) => work(residual, null));
  const fingerprint = await fingerprintOf({ params, reports, decoder });
  const checkpoints = await SliceCheckpoints.open({ folder, fingerprint, decoder, windows, type, signal });
  try {
    const result = await work(checkpoints.residual, checkpoints);
    await checkpoints.close('finished');
    return result;
  } catch (error) {
    const isWorthKeeping = signal.aborted || AppError.from(error).code === 'DISK_FULL';
    await checkpoints.close(isWorthKeeping ? 'unfinished' : 'nothing');
    throw error;
  }
}

/** All that decides a bit of what is written, beside the tokenizer's files, which are copied. */
function fingerprintOf({ params, reports, decoder }: Slicing): Promise<string> {
  const { windows, schedule, type, orientation, seed, signals, paperCompat, precision, threads } = params;
  const settings = {
    ...{ task: 'slicePerBlock', version, ...numericsOf(params, openLinearAlgebra(threads)) },
    ...{ schedule: JSON.stringify(schedule), type, orientation, seed, signals, paperCompat, precision },
  };
  return calibrationFingerprint({ decoder, windows, settings, ...reports });
}
