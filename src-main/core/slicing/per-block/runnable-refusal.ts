// Whether Snug's own graphs run a model, sliced block by block or not.
import { unsupportedReason } from '../../architectures/graph-refusal.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { openRunnable } from './sliced-folder.ts';

/** Why there are no graphs for an open model; null where there are. Reads no weights. @throws FILE_NOT_FOUND, FILE_MALFORMED */
export async function runnableRefusal(model: ModelSource): Promise<string | null> {
  try {
    await openRunnable(model);
    return null;
  } catch (error) {
    return unsupportedReason(error);
  }
}
