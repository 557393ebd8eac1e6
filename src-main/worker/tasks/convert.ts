// Writes a Hugging Face folder as a GGUF file.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { convertFolder, outlineFolder } from '../../core/export/hf-to-gguf/convert-folder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const convert: HandlersOf<WorkerApi>['convert'] = async (params, { signal, progress }) => {
  const { folder, output, headerOnly = false } = params;
  const source = await openModel(folder);
  try {
    const request = { source, output, signal, progress };
    const { fileBytes, hasTokenizer } = await (headerOnly ? outlineFolder(request) : convertFolder(request));
    return { fileBytes, hasTokenizer, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await source.close();
  }
};
