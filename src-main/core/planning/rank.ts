// The order of plans: those that fit first, then by expected loss plus the stated preferences, then by size.
import type { Plan } from '../../contract/plan.ts';
import { kvCacheLoss, preferenceAgainst } from './prior.ts';

export interface RankContext {
  /** Context that was asked for, in tokens. */
  context: number;
  layers: number;
  /** What the target limits. */
  by: 'memory' | 'file';
}

/** Expected loss and preferences in one number, in nats per token; smaller is better. `kld` replaces the prediction once measured. */
export function score(plan: Plan, { context, layers }: RankContext, kld = plan.predicted.kld): number {
  return plan.steps.reduce((sum, step) => {
    switch (step.method) {
      case 'slice':
      case 'quantize':
        return sum;
      case 'kv-cache':
        return sum + (kvCacheLoss[step.type] ?? 0);
      case 'context':
        return sum + preferenceAgainst.halvedContext * Math.log2(Math.max(1, context / step.tokens));
      case 'cpu-layers':
        return sum + preferenceAgainst.layersOnCpu * (step.layers / Math.max(1, layers));
      case 'cpu-experts':
        return sum + preferenceAgainst.expertsOnCpu * (step.layers / Math.max(1, layers));
    }
  }, kld);
}

export function ranked(plans: readonly Plan[], context: RankContext): Plan[] {
  const scores = new Map(plans.map((plan) => [plan, score(plan, context)]));
  const size = (plan: Plan): number => (context.by === 'memory' ? plan.memory.totalBytes : plan.fileBytes);
  return [...plans].sort((a, b) => {
    if (a.fits !== b.fits) return a.fits ? -1 : 1;
    return (a.fits ? scores.get(a)! - scores.get(b)! : size(a) - size(b)) || a.fileBytes - b.fileBytes;
  });
}

/** The file a plan needs: plans with the same file differ only in how it is run. */
export function fileKey(plan: Plan): string {
  const quantize = plan.steps.find((step) => step.method === 'quantize');
  const slice = plan.steps.find((step) => step.method === 'slice');
  const parts = [slice ? `slice ${slice.width}` : '', quantize?.type ?? '', quantize?.pure ? 'pure' : ''];
  return parts.filter((part) => part !== '').join(' ') || 'source';
}

/** The best fitting plans with different files, best first. */
export function distinctFiles(plans: readonly Plan[], count: number): Plan[] {
  const seen = new Set<string>();
  return plans.filter((plan) => plan.fits && !seen.has(fileKey(plan)) && seen.add(fileKey(plan))).slice(0, count);
}
