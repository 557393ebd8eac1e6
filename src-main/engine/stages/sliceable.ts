// Which models can be rotated, and which sliced by one shared rotation.
import { AppError } from '../../contract/errors.ts';
import { graphRefusal } from '../../core/architectures/graph-refusal.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';
import { sharedSliceRefusal } from '../../core/slicing/shared-refusal.ts';

/** Refuses a model that has no graphs, or whose rotations are in it already. @throws UNSUPPORTED_ARCHITECTURE with the reason */
export function requireDense(source: ModelSource): void {
  refuse(source, graphRefusal(source), 'rotated');
}

/** Refuses a model that no shared rotation can slice, before any work. @throws UNSUPPORTED_ARCHITECTURE with the reason */
export function requireSharedSlice(source: ModelSource): void {
  refuse(source, graphRefusal(source), 'sliced');
  const reason = sharedSliceRefusal(source);
  if (reason === null) return;
  const message = `${reason} Block by block it can be: \`snug slice --method per-block\`.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: source.path, reason });
}

function refuse(source: ModelSource, reason: string | null, what: string): void {
  if (reason === null) return;
  const message = `${source.path} cannot be ${what}: ${reason} It can be made smaller by \`snug quantize\` and \`snug fit\`.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: source.path, reason });
}
