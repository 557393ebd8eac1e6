// Which models Snug has block graphs for.
import { AppError } from '../../contract/errors.ts';
import { graphRefusal } from '../../core/architectures/graph-refusal.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';

/** Refuses a model whose structure cannot be changed, before any work. @throws UNSUPPORTED_ARCHITECTURE with the reason */
export function requireGraphs(source: ModelSource): void {
  const reason = graphRefusal(source);
  if (reason === null) return;
  const message = `${source.path} cannot be sliced: ${reason} It can be made smaller by \`snug quantize\` and \`snug fit\`.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: source.path, reason });
}
