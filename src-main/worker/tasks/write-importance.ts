// Writes an importance file from the llama host's raw sums.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openFileSource } from '../../core/formats/file-source.ts';
import { writeImportance as write } from '../../core/quantization/write-importance.ts';

export const writeImportance: HandlersOf<WorkerApi>['writeImportance'] = async (params, { signal }) => {
  const raw = await openFileSource(params.raw);
  try {
    return await write({ ...params, raw, signal });
  } finally {
    await raw.close();
  }
};
