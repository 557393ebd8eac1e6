// What became of the slices of a fit; and as a result carries it, for those who say it in words of their own.
import type { Plan } from '../../contract/plan.ts';
import type { SliceReason } from '../../contract/results.ts';

export interface MeasuredLoss {
  kld: number;
  standardError: number;
}

export interface MeasuredPlan {
  plan: Plan;
  loss: MeasuredLoss;
  /** The loss plus what the plan's settings count (rank.ts), in the same unit. */
  score: number;
}

/** Why a slice that was to be made was not. */
export type NotMade =
  | { kind: 'too-large' | 'nothing-to-compare' }
  /** More than the job may have. */
  | { kind: 'too-much-memory'; neededBytes: number; allowedBytes: number }
  | { kind: 'failed'; message: string };

export type SliceOutcome =
  /** The source meets the target. */
  | { kind: 'fits-as-is' }
  /** No plan fits, or none but slices where nothing is measured. */
  | { kind: 'nothing-fits' }
  | { kind: 'not-measured' }
  /** One plan was named and made; `unsliced` is the best without a slice that fits. */
  | { kind: 'named'; plan: Plan; measured: MeasuredLoss | null; unsliced: Plan | null }
  /** Only slices were asked for. */
  | { kind: 'wished'; plan: Plan; measured: MeasuredLoss | null }
  /** No slices were asked for. */
  | { kind: 'unwished' }
  | { kind: 'none-fits' }
  | { kind: 'not-made'; plan: Plan; because: NotMade }
  | { kind: 'not-expected'; unsliced: MeasuredPlan }
  | { kind: 'compared'; slice: MeasuredPlan; unsliced: MeasuredPlan }
  /** Only a slice fits. */
  | { kind: 'alone'; measured: MeasuredLoss | null };

/** The outcome with plans by their ids. */
export function reasonOf(outcome: SliceOutcome): SliceReason {
  switch (outcome.kind) {
    case 'named': {
      const { plan, unsliced } = outcome;
      const { kld, kldLow, kldHigh } = unsliced?.predicted ?? { kld: 0, kldLow: 0, kldHigh: 0 };
      return {
        kind: 'named',
        plan: plan.id,
        unsliced: unsliced && { plan: unsliced.id, predicted: { kld, kldLow, kldHigh } },
      };
    }
    case 'wished':
      return { kind: 'wished', plan: outcome.plan.id };
    case 'not-made':
      return { ...outcome.because, plan: outcome.plan.id };
    case 'not-expected':
      return { kind: 'not-expected', unsliced: idOf(outcome.unsliced) };
    case 'compared':
      return { kind: 'compared', slice: idOf(outcome.slice), unsliced: idOf(outcome.unsliced) };
    default:
      return { kind: outcome.kind };
  }
}

const idOf = ({ plan, loss, score }: MeasuredPlan): Extract<SliceReason, { kind: 'not-expected' }>['unsliced'] => ({
  ...loss,
  plan: plan.id,
  settings: Math.max(0, score - loss.kld),
});
