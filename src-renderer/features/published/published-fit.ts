// Which of the published quantisations would fit what the plans are for, told from their sizes alone.
import type { PublishedModel } from '../../../src-main/contract/hub-search.ts';
import type { PlanList } from '../../../src-main/contract/plan.ts';

export interface PublishedFit {
  model: PublishedModel;
  fits: boolean;
}

/**
 * Those that are smaller than the open model, largest first; null where the plans do not tell what a model takes besides its
 * weights. A file is counted as if all of it lay on the card, which is a little more than does.
 */
export function publishedFits(
  models: readonly PublishedModel[],
  list: PlanList,
  sourceBytes: number,
): PublishedFit[] | null {
  const besides = besidesWeights(list);
  if (besides === null) return null;
  return models
    .filter(({ bytes }) => bytes < sourceBytes)
    .toSorted((a, b) => b.bytes - a.bytes)
    .map((model) => ({ model, fits: model.bytes + besides <= list.target.bytes }));
}

/** Cache, buffers and reserve: of a plan that changes no setting of the runner, so that they are those of the target. */
function besidesWeights({ target, plans }: PlanList): number | null {
  if (target.kind === 'file') return 0;
  const plain = plans.find(({ steps }) => steps.every(({ method }) => method === 'quantize'));
  return plain === undefined ? null : plain.memory.totalBytes - plain.memory.weightsBytes;
}
