// Writes a model with new tensor types.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openGguf } from '../../core/formats/gguf-reader.ts';
import { openImportance } from '../../core/quantization/importance-file.ts';
import { quantizeModel } from '../../core/quantization/quantize-model.ts';
import { keptWith } from '../kept-part.ts';
import { nativeQuantizer } from '../native/native-quantizer.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const quantize: HandlersOf<WorkerApi>['quantize'] = async (params, { signal, progress }) => {
  const quantizer = nativeQuantizer(params.threads);
  const model = await openGguf(params.source);
  try {
    const importance = params.importance === null ? null : await openImportance(params.importance);
    try {
      const { output, types, fileType } = params;
      const kept = keptWith(params.kept ?? null, null);
      const request = { model, output, types, fileType, importance, quantizer, kept, signal, progress };
      const result = await quantizeModel(request);
      return { ...result, peakMemoryBytes: peakMemoryBytes() };
    } finally {
      await importance?.close();
    }
  } finally {
    await model.close();
  }
};
