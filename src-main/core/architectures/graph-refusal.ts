// Whether a model has graphs, for those who only want to know.
import { AppError } from '../../contract/errors.ts';
import type { ModelSource } from '../formats/model-source.ts';
import { openDecoder } from './decoder.ts';

/** Why Snug has no graphs for an open model, or null where `openDecoder` takes it. Reads no weights. @throws FILE_MALFORMED */
export function graphRefusal(model: ModelSource): string | null {
  try {
    openDecoder(model);
    return null;
  } catch (error) {
    return unsupportedReason(error);
  }
}

/** What an error says of a model that is whole but not supported. What is damaged or missing is no reason: it is thrown. */
export function unsupportedReason(error: unknown): string {
  if (error instanceof AppError && error.code.startsWith('UNSUPPORTED_')) return error.message;
  throw error;
}
