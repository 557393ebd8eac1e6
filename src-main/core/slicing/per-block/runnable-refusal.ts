// Whether Snug's own graphs run a model, sliced block by block or not.
import { AppError } from '../../../contract/errors.ts';
import { isSlicedPerBlock } from '../../architectures/decoder.ts';
import { unsupportedReason } from '../../architectures/graph-refusal.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { requireSorted } from './narrower-widths.ts';
import { provenanceOf } from './provenance.ts';
import { openRunnable } from './sliced-folder.ts';

/** Why a model cannot be sliced block by block, or cut again; null where it can. Reads no weights. @throws as runnableRefusal */
export async function perBlockRefusal(model: ModelSource): Promise<string | null> {
  const refusal = await runnableRefusal(model);
  if (refusal !== null || !isSlicedPerBlock(model)) return refusal;
  try {
    requireSorted({ model, provenance: provenanceOf(model) });
    return null;
  } catch (error) {
    return AppError.from(error).message;
  }
}

/** Why there are no graphs for an open model; null where there are. Reads no weights. @throws FILE_NOT_FOUND, FILE_MALFORMED */
export async function runnableRefusal(model: ModelSource): Promise<string | null> {
  try {
    await openRunnable(model);
    return null;
  } catch (error) {
    return unsupportedReason(error);
  }
}
