// Writes a Hugging Face folder as a GGUF file.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { convertFolder } from '../../core/export/hf-to-gguf/convert-folder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const convert: HandlersOf<WorkerApi>['convert'] = async ({ folder, output }, { signal, progress }) => {
  const source = await openModel(folder);
  try {
    const { fileBytes, hasTokenizer } = await convertFolder({ source, output, signal, progress });
    return { fileBytes, hasTokenizer, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await source.close();
  }
};
