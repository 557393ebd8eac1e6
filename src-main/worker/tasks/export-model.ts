// Writes a model in another form: ONNX, or a Hugging Face folder.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { writeOnnxModel } from '../../core/export/onnx/write-onnx-model.ts';
import { writeSafetensorsFolder } from '../../core/export/safetensors/write-safetensors-folder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { slicingFile } from '../../core/slicing/slicing-config.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const exportModel: HandlersOf<WorkerApi>['exportModel'] = async (params, { signal, progress }) => {
  const { source, output, form, type, force, tokenizerFrom, slicing } = params;
  const model = await openModel(source);
  try {
    const common = { force, dequantize: nativeDequantizer(1), signal, progress };
    if (form === 'safetensors') {
      const decoder = openDecoder(model);
      const extra = slicing ? { [slicingFile]: slicing } : {};
      const made = await writeSafetensorsFolder({
        ...common,
        ...{ decoder, folder: output, type, tokenizerFrom, extra },
      });
      return { ...made, peakMemoryBytes: peakMemoryBytes() };
    }
    if (type === 'BF16') throw new AppError('USAGE', 'An ONNX file takes F32 or F16, not BF16.', { type });
    const decoder = await openRunnable(model);
    const { fileBytes, sha256 } = await writeOnnxModel({ ...common, decoder, output, type, slicing });
    return { fileBytes, sha256, hasTokenizer: false, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await model.close();
  }
};
