// Which models can be sliced by one shared rotation.
import { AppError } from '../../contract/errors.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';
import { sharedSliceRefusal } from '../../core/slicing/shared-refusal.ts';

/** Refuses a model that no shared rotation can slice, before any work. @throws UNSUPPORTED_ARCHITECTURE with the reason */
export function requireSharedSlice(source: ModelSource): void {
  const reason = sharedSliceRefusal(source);
  if (reason === null) return;
  const message = `${source.path} cannot be sliced: ${reason} It can be made smaller by \`snug quantize\` and \`snug fit\`.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: source.path, reason });
}
