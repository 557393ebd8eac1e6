// Calibrates a model on its own block graphs, and says what a calibration would be called.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import type { Decoder } from '../../core/architectures/decoder.ts';
import { calibrate } from '../../core/calibration/calibrate.ts';
import { calibrationFingerprint as fingerprintOf } from '../../core/calibration/fingerprint.ts';
import { openModel } from '../../core/formats/model-source.ts';
import type { LinearAlgebra } from '../../core/linear-algebra/linear-algebra.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openLinearAlgebra } from '../native/native-linear-algebra.ts';
import { numericsOf, type ComputedBy } from '../numerics.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const calibrationFingerprint: HandlersOf<WorkerApi>['calibrationFingerprint'] = (params, { signal, progress }) =>
  withDecoder(params.source, async (decoder) => {
    const start = performance.now();
    const settings = settingsOf(params, params.spectra ? openLinearAlgebra(params.threads) : null);
    const fingerprint = await fingerprintOf({ decoder, windows: params.windows, settings, signal, progress });
    const bytes = decoder.model.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    return { fingerprint, bytes, seconds: (performance.now() - start) / 1000 };
  });

export const blockStatistics: HandlersOf<WorkerApi>['blockStatistics'] = (params, { signal, progress }) =>
  withDecoder(params.source, async (decoder) => {
    const start = performance.now();
    const { folder, fingerprint, windows, datasets, threads } = params;
    const spectra = params.spectra ? openLinearAlgebra(threads) : null;
    const settings = Object.entries(settingsOf(params, spectra)).map(([key, value]): [string, string] => [
      key,
      String(value),
    ]);
    const { architecture, config } = decoder;
    const shape = `${architecture.name}, ${config.numHiddenLayers} layers, hidden size ${config.hiddenSize}`;
    const found = await calibrate({
      ...{ decoder, folder, fingerprint, windows, datasets, spectra, signal, progress },
      madeOf: { model: shape, texts: datasets.join(', '), ...Object.fromEntries(settings) },
      runtime: onnxRuntime(params),
      dequantize: nativeDequantizer(threads),
    });
    return { ...found, seconds: (performance.now() - start) / 1000, peakMemoryBytes: peakMemoryBytes() };
  });

/** Whatever may change a bit of the sums besides model and tokens. */
function settingsOf(options: ComputedBy, spectra: LinearAlgebra | null): Record<string, string | number> {
  const { linearAlgebra, ...numerics } = numericsOf(options, spectra);
  return { ...numerics, spectra: linearAlgebra };
}

async function withDecoder<T>(source: string, work: (decoder: Decoder) => Promise<T>): Promise<T> {
  const model = await openModel(source);
  try {
    return await work(openDecoder(model));
  } finally {
    await model.close();
  }
}
