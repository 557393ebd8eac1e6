// Whether a model has graphs, for those who only want to know.
import { AppError } from '../../contract/errors.ts';
import type { ModelSource } from '../formats/model-source.ts';
import { openDecoder } from './decoder.ts';

/** Why Snug has no graphs for an open model, or null where `openDecoder` takes it. Reads no weights. */
export function graphRefusal(model: ModelSource): string | null {
  try {
    openDecoder(model);
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}
