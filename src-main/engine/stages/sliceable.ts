// Which models can be rotated, and which sliced by one shared rotation.
import { AppError } from '../../contract/errors.ts';
import { isSlicedPerBlock } from '../../core/architectures/decoder.ts';
import { graphRefusal } from '../../core/architectures/graph-refusal.ts';
import { conversionRefusal } from '../../core/export/hf-to-gguf/convert-folder.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';
import { sharedSliceRefusal } from '../../core/slicing/shared-refusal.ts';

/** Refuses a model that has no graphs, or whose rotations are in it already. @throws UNSUPPORTED_ARCHITECTURE with the reason */
export async function requireDense(source: ModelSource): Promise<void> {
  if (isSlicedPerBlock(source)) {
    const message = `${source.path} was sliced block by block, so its rotations are in it already: name the dense model that it was made of. What can be cut further is cut by \`snug slice --method per-block\`.`;
    throw refusal(source, message);
  }
  const reason = graphRefusal(source);
  if (reason === null) return;
  const canQuantize = source.kind === 'gguf' || (await conversionRefusal(source)) === null;
  throw refusal(source, canQuantize ? `${reason} \`snug quantize\` and \`snug fit\` can make it smaller.` : reason);
}

/** Refuses a model that no shared rotation can slice, before any work. @throws UNSUPPORTED_ARCHITECTURE with the reason */
export async function requireSharedSlice(source: ModelSource): Promise<void> {
  await requireDense(source);
  const reason = sharedSliceRefusal(source);
  if (reason !== null) throw refusal(source, reason);
}

const refusal = ({ path }: ModelSource, message: string): AppError =>
  new AppError('UNSUPPORTED_ARCHITECTURE', message, { path, reason: message });
