// What earlier runs have measured of a model, in place of what its plans are expected to lose.
import type { Plan, PlanList, PlanStep, Prediction } from '../../contract/plan.ts';
import type { Quality } from '../../contract/results.ts';
import { remarkInWords } from './plan-remarks.ts';

/** What a finished run made of the model, and what that lost. */
export interface KnownLoss {
  run: string;
  /** Those that make the file. */
  steps: readonly PlanStep[];
  quality: Quality;
}

/** A measurement in the form of a prediction, with two standard errors to either side; null where there is no KLD. */
export function measuredPrediction({ kld, perplexityRatio = 1 }: Quality): Prediction | null {
  if (!kld) return null;
  const { mean, standardError } = kld;
  return {
    kld: mean,
    kldLow: Math.max(0, mean - 2 * standardError),
    kldHigh: mean + 2 * standardError,
    perplexityRatio,
    basis: 'measured',
  };
}

/**
 * The plans with what is known of their files; of several measurements the first. Their order and the best stay: a
 * measurement on one side and an expectation on the other do not compare closely enough to choose by.
 */
export function withKnownLosses(list: PlanList, known: readonly KnownLoss[]): PlanList {
  const losses = new Map(known.toReversed().map((loss) => [fileOf(loss.steps), loss]));
  return { ...list, plans: list.plans.map((plan) => withLoss(plan, losses.get(fileOf(plan.steps)))) };
}

function withLoss(plan: Plan, known: KnownLoss | undefined): Plan {
  const predicted = known && measuredPrediction(known.quality);
  if (!predicted) return plan;
  const { text, windows, windowTokens } = known.quality;
  const remark = { kind: 'measured', run: known.run, windows, windowTokens, text } as const;
  const remarks = plan.remarks && [...plan.remarks, remark];
  return { ...plan, predicted, notes: [...plan.notes, remarkInWords(remark)], remarks };
}

/** Equal for steps that make the same file. */
const fileOf = (steps: readonly PlanStep[]): string =>
  JSON.stringify(steps.map(fileStep).filter((step) => step !== null));

function fileStep(step: PlanStep): unknown[] | null {
  if (step.method === 'quantize') return ['quantize', step.type, step.pure, step.importance];
  if (step.method === 'slice') return ['slice', step.width, step.orientation];
  return null;
}
