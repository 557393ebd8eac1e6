// Plans as points: how much of the limit each takes and what it loses, the front through the best, and why one would take it or not.
import type { JobSnapshot } from '../../../src-main/contract/job.ts';
import type { Plan, PlanList } from '../../../src-main/contract/plan.ts';
import type { Precision } from '../../../src-main/contract/recipe.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { formatFixed, sizeFormat } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { isSlice, onCpuInWords, sizeAgainst, spareBytes } from '../plans/plan-view.ts';

const words = useWords();

export interface Loss {
  kld: number;
  low: number;
  high: number;
  isMeasured: boolean;
}

export interface FrontPoint extends Loss {
  plan: Plan;
  bytes: number;
  isSlice: boolean;
  isPartlyOnCpu: boolean;
  isOnFront: boolean;
}

/** What decides a plan's loss: its id, and how its file is made, of which the id of a slice does not say all. */
export const lossKey = ({ id, steps }: Pick<Plan, 'id' | 'steps'>): string =>
  JSON.stringify([id, steps.filter(({ method }) => method === 'quantize' || method === 'slice')]);

/**
 * Losses that fits of this model have measured since the window was opened, by `lossKey`: plans in view may be older.
 * Of slices only those that were computed in `precision`.
 */
export function measuredLosses(model: string, precision: Precision, jobs: Iterable<JobSnapshot>): Map<string, Loss> {
  const losses = new Map<string, Loss>();
  for (const { recipe, job } of jobs) {
    if (recipe.verb !== 'fit' || recipe.model !== model || job.state !== 'done' || job.result.verb !== 'fit') continue;
    const { measured, plans, plan: chosen, quality: made } = job.result.value;
    // What was made is measured once more when it is finished: that is what its report tells.
    const all = [...measured, ...(chosen && made ? [{ id: chosen.id, quality: made }] : [])];
    for (const { id, quality } of all) {
      const plan = plans.find((one) => one.id === id);
      if (quality.kld === undefined || plan === undefined) continue;
      if (isSlice(plan) && recipe.precision !== precision) continue;
      const { mean, standardError } = quality.kld;
      losses.set(lossKey(plan), {
        kld: mean,
        low: mean - 2 * standardError,
        high: mean + 2 * standardError,
        isMeasured: true,
      });
    }
  }
  return losses;
}

/** Points from small to large. On the front is what nothing smaller beats, of the plans that run as it was asked for. */
export function pointsOf({ plans, target }: PlanList, measured: ReadonlyMap<string, Loss> = new Map()): FrontPoint[] {
  const points = plans
    .map((plan) => ({
      plan,
      bytes: sizeAgainst(plan, target),
      isSlice: isSlice(plan),
      isPartlyOnCpu: onCpuInWords(plan) !== '',
      ...lossOf(plan, measured),
    }))
    .sort((a, b) => a.bytes - b.bytes || a.kld - b.kld);
  let least = Infinity;
  return points.map((point) => {
    const isOnFront = runsAsAsked(point.plan) && point.kld < least;
    if (isOnFront) least = point.kld;
    return { ...point, isOnFront };
  });
}

/** Layers on the CPU, a shorter context and another cache save memory, and cost something else than the loss. */
const runsAsAsked = ({ steps }: Plan): boolean =>
  steps.every(({ method }) => method === 'quantize' || method === 'slice');

function lossOf(plan: Plan, measured: ReadonlyMap<string, Loss>): Loss {
  const { kld, kldLow, kldHigh, basis } = plan.predicted;
  const isMeasured = basis === 'measured';
  return (isMeasured ? undefined : measured.get(lossKey(plan))) ?? { kld, low: kldLow, high: kldHigh, isMeasured };
}

/** Losses closer than this are the same to a prediction. */
const sameWithin = 1.15;

/** Why one would take a plan or not, against the best that fits: one sentence. */
export function whyOf(plan: Plan, { plans, best, target }: PlanList): string {
  const { why } = words.front;
  const spare = spareBytes(plan, target);
  if (spare < 0) return why.tooBig(sizeFormat(target.kind, target.bytes)(-spare));
  if (plan.id === best) return why.best;
  if (isSlice(plan) && !plans.every(isSlice)) return why.slice;
  const bestPlan = plans.find(({ id }) => id === best);
  if (bestPlan === undefined || bestPlan.predicted.kld === 0) return '';
  return against(plan, bestPlan, target);
}

function against(plan: Plan, best: Plan, target: Target): string {
  const { why } = words.front;
  if (plan.predicted.kld === 0) return why.losesNothing;
  const times = plan.predicted.kld / best.predicted.kld;
  if (times < 1 / sameWithin) {
    const less = runsAsAsked(plan) ? why.measuredLess : why.losesLess;
    return less(formatFixed(1 / times, 1));
  }
  if (times <= sameWithin) return why.asGood;
  const saved = sizeAgainst(best, target) - sizeAgainst(plan, target);
  const figure = formatFixed(times, times < 10 ? 1 : 0);
  return saved > 0 ? why.smaller(sizeFormat(target.kind, target.bytes)(saved), figure) : why.losesMore(figure);
}
