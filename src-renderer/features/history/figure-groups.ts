// Figures of a run by what they were measured with: that is said once for all of them.
import type { Metric } from '../../../src-main/contract/history.ts';

export interface FigureGroup {
  /** Engine, text and windows; empty for what is counted, not measured. */
  context: string;
  metrics: Metric[];
}

/** In the order in which they come, what is counted last. */
export function figureGroups(metrics: readonly Metric[]): FigureGroup[] {
  const groups = Map.groupBy(metrics, ({ context }) => context);
  return [...groups]
    .map(([context, found]) => ({ context, metrics: found }))
    .toSorted((a, b) => Number(a.context === '') - Number(b.context === ''));
}
