// Writes a model in another form: ONNX, or a Hugging Face folder.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { writeOnnxModel } from '../../core/export/onnx/write-onnx-model.ts';
import { writeSafetensorsFolder } from '../../core/export/safetensors/write-safetensors-folder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { slicingFile } from '../../core/slicing/slicing-config.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const exportModel: HandlersOf<WorkerApi>['exportModel'] = async (params, { signal, progress }) => {
  const { source, output, form, type, force, tokenizerFrom, slicing } = params;
  const model = await openModel(source);
  try {
    const common = { decoder: openDecoder(model), force, dequantize: nativeDequantizer(1), signal, progress };
    if (form === 'safetensors') {
      const extra = slicing ? { [slicingFile]: slicing } : {};
      const made = await writeSafetensorsFolder({ ...common, folder: output, type, tokenizerFrom, extra });
      return { ...made, peakMemoryBytes: peakMemoryBytes() };
    }
    if (type === 'BF16') throw new AppError('USAGE', 'An ONNX file takes F32 or F16, not BF16.', { type });
    const { fileBytes, sha256 } = await writeOnnxModel({ ...common, output, type });
    return { fileBytes, sha256, hasTokenizer: false, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await model.close();
  }
};
