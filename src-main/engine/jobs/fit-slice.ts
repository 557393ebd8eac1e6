// The slice of a fit: made and measured only where it may be better than the best plan without one.
import type { Plan, SliceStep } from '../../contract/plan.ts';
import type { FitResult } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { score } from '../../core/planning/rank.ts';
import type { MeasuredPlan, SliceOutcome } from '../../core/planning/slice-outcome.ts';
import { writtenFloatType } from '../../core/quantization/float-model.ts';
import type { Planned } from '../planner/plan-model.ts';
import { requireInvariance } from '../stages/invariance.ts';
import { hasVocabulary } from '../stages/open.ts';
import { makeSlice } from '../stages/slice.ts';
import { blockStatistics } from '../stages/statistics.ts';
import { stage } from './context.ts';
import type { FitWork, Made, Rotation } from './fit-work.ts';
import { sliceTokens } from './slice.ts';

/** @throws as `requireInvariance` and `blockStatistics` */
export async function rotate({ context, recipe, source, text }: Omit<FitWork, 'rotation'>): Promise<Rotation> {
  const { device, calibration } = recipe;
  // A model without a vocabulary reads no built-in text.
  const canRead = text !== null || (await hasVocabulary(source));
  const read = canRead ? text : await stage(context, 'tokenize', () => sliceTokens(context, recipe, source));
  const invariance = await requireInvariance(context, {
    ...{ source, original: source.original, device, windows: read?.windows ?? [] },
  });
  const hiddenSize = source.config.hiddenSize!;
  const statistics = await blockStatistics(context, { source: source.path, hiddenSize, device, calibration });
  return { invariance, statistics };
}

/** Writes the file of a plan that slices: statistics of the model's own graphs, then the file in one pass. */
export async function makeSliced(
  { context, recipe, planned, source, rotation }: FitWork,
  plan: Plan,
  { step, output }: { step: SliceStep; output: string },
): Promise<Pick<Made, 'fileBytes' | 'sha256' | 'calibration' | 'invariance'>> {
  const { calibration, precision } = recipe;
  const { file } = planned.drafts.get(plan.id)!;
  const { invariance, statistics } = await rotation();
  const { fileBytes, sha256 } = await makeSlice(context, {
    source: source.path,
    statistics,
    planned: { file },
    step,
    ...{ seed: calibration.seed, precision },
    type: file.candidate.type ?? writtenFloatType(source.tensors),
    importance: recipe.importance !== 'off',
    output,
    detail: plan.summary,
  });
  return { fileBytes, sha256, calibration: statistics.use, invariance };
}

/**
 * Makes the slice unless it is expected to lose more, at best, than the best unsliced candidate was measured to; null
 * `made` where it was not made. `make` makes and measures a plan.
 */
export async function trySlice(
  planned: Planned,
  { slice, best }: { slice: Plan; best: Made },
  make: (plan: Plan) => Promise<Made>,
): Promise<{ made: Made | null; outcome: SliceOutcome }> {
  const unsliced = measuredPlan(planned, best);
  if (unsliced === null)
    return {
      made: null,
      outcome: { kind: 'not-made', plan: slice, because: { kind: 'nothing-to-compare' } },
    };
  if (score(slice, planned.rank, slice.predicted.kldLow) >= unsliced.score)
    return { made: null, outcome: { kind: 'not-expected', unsliced } };
  try {
    const made = await make(slice);
    return { made, outcome: { kind: 'compared', slice: measuredPlan(planned, made)!, unsliced } };
  } catch (error) {
    // What is made already does not depend on the slice: whatever keeps it from being made, the fit goes on without it.
    const failure = AppError.from(error);
    if (failure.code === 'CANCELLED') throw failure;
    const because = { kind: 'failed', message: failure.message } as const;
    return { made: null, outcome: { kind: 'not-made', plan: slice, because } };
  }
}

function measuredPlan({ rank }: Planned, { plan, measured }: Made): MeasuredPlan | null {
  const loss = lossOf(measured?.quality);
  return loss && { plan, loss, score: score(plan, rank, loss.kld) };
}

/** The measured loss of a quality, or null where there is none. */
export function lossOf(quality: FitResult['quality']): MeasuredPlan['loss'] | null {
  return quality?.kld ? { kld: quality.kld.mean, standardError: quality.kld.standardError } : null;
}
