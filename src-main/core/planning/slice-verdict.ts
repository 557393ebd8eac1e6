// What became of the slices of a fit, in one sentence. A slice is chosen by measurement only: its loss, plus the standard
// error of the difference, has to be below that of the best plan without a slice.
import { unusableLoss, type Plan } from '../../contract/plan.ts';
import type { SliceComparison } from '../../contract/results.ts';
import { formatMemory } from '../../contract/units.ts';
import { reasonOf, type MeasuredLoss, type MeasuredPlan, type NotMade, type SliceOutcome } from './slice-outcome.ts';
import { sliceOf } from './slices.ts';

/**
 * Whether a slice is better than measuring it can err: the errors are added as if independent, although both sides saw
 * the same text, which makes the rule stricter.
 */
export function isBetter(slice: MeasuredPlan, unsliced: MeasuredPlan): boolean {
  const error = Math.hypot(slice.loss.standardError, unsliced.loss.standardError);
  return slice.score + error < unsliced.score;
}

/** `plans` as planned, best first; `refusal` says why there are no slices among them. */
export function compareSlices(plans: readonly Plan[], refusal: string | null, outcome: SliceOutcome): SliceComparison {
  const slices = plans.filter((plan) => sliceOf(plan) !== null);
  const isRefused = refusal !== null && slices.length === 0;
  const named = 'plan' in outcome && sliceOf(outcome.plan) ? outcome.plan : null;
  const best = named ?? slices.find(({ fits }) => fits) ?? null;
  const { kld, kldLow, kldHigh } = best?.predicted ?? { kld: 0, kldLow: 0, kldHigh: 0 };
  return {
    considered: slices.length,
    best: best?.id ?? null,
    predicted: best && { kld, kldLow, kldHigh },
    measured: measuredOf(outcome),
    chosen: isChosen(outcome),
    invariance: null,
    verdict: isRefused ? `Slicing was not considered: ${refusal}` : sentence(best, outcome),
    reason: isRefused ? { kind: 'refused', message: refusal } : reasonOf(outcome),
  };
}

function measuredOf(outcome: SliceOutcome): MeasuredLoss | null {
  if (outcome.kind === 'compared') return outcome.slice.loss;
  if (outcome.kind === 'named') return sliceOf(outcome.plan) ? outcome.measured : null;
  return outcome.kind === 'alone' || outcome.kind === 'wished' ? outcome.measured : null;
}

function isChosen(outcome: SliceOutcome): boolean {
  if (outcome.kind === 'compared') return isBetter(outcome.slice, outcome.unsliced);
  if (outcome.kind === 'alone' || outcome.kind === 'wished') return true;
  return outcome.kind === 'named' && sliceOf(outcome.plan) !== null;
}

function sentence(best: Plan | null, outcome: SliceOutcome): string {
  switch (outcome.kind) {
    case 'fits-as-is':
      return 'Slicing was not considered: the model fits as it is.';
    case 'nothing-fits':
      return best === null ? 'No slice fits.' : `Only slices fit; ${unmeasured}`;
    case 'not-measured':
      return `No slice was compared; ${unmeasured}`;
    case 'named':
      return sliceOf(outcome.plan) === null ? namedUnsliced(outcome.plan, best) : namedSlice(outcome.plan, outcome);
    case 'wished':
      return `${nameOf(outcome.plan)} was made because only slices were asked for${measuredAt(outcome.measured)}.`;
    case 'unwished':
      return 'No slice was considered: only plans without one were asked for.';
    case 'none-fits':
      return 'No slice was made: there is no type that loses less and fits when it is sliced.';
    case 'not-made':
      return `${nameOf(outcome.plan)} was not made: ${becauseInWords(outcome.because)}`;
    case 'not-expected':
      return `${nameOf(best!)} was not made: it is expected to lose at least ${figure(best!.predicted.kldLow)}, and ${outcome.unsliced.plan.summary} without slicing was measured at ${lossOf(outcome.unsliced)}.`;
    case 'compared':
      return comparison(outcome.slice, outcome.unsliced);
    case 'alone':
      return alone(best!, outcome.measured);
  }
}

function becauseInWords(because: NotMade): string {
  switch (because.kind) {
    case 'too-large':
      return 'it does not fit.';
    case 'nothing-to-compare':
      return 'there is no measurement to hold it against.';
    case 'too-much-memory':
      return `it is expected to need ${formatMemory(because.neededBytes)} of memory, and --max-memory allows ${formatMemory(because.allowedBytes)}.`;
    case 'failed':
      return because.message;
  }
}

const unmeasured = 'only a measurement chooses one, and this run does not evaluate.';

function namedUnsliced(plan: Plan, best: Plan | null): string {
  const made = `No slice was compared: only ${plan.summary} was asked for.`;
  return best === null
    ? made
    : `${made} ${nameOf(best)}, the best slice that fits, is expected, not measured, ${expected(best)}.`;
}

function namedSlice(plan: Plan, { measured, unsliced }: Extract<SliceOutcome, { kind: 'named' }>): string {
  const made = `${nameOf(plan)} was made because it was asked for${measuredAt(measured)}. It was not compared`;
  if (unsliced === null) return `${made}; nothing fits without slicing.`;
  return `${made}: ${unsliced.summary} fits without slicing and is expected, not measured, ${expected(unsliced)}.`;
}

const measuredAt = (loss: MeasuredLoss | null): string =>
  loss === null ? '' : `, and was measured at a loss of ${withError(loss)}`;

function expected({ predicted: { kld, kldLow, kldHigh } }: Plan): string {
  return kld === 0 ? 'to lose nothing' : `to lose ${figure(kld)} (${figure(kldLow)} to ${figure(kldHigh)})`;
}

function comparison(slice: MeasuredPlan, unsliced: MeasuredPlan): string {
  const measured = `${nameOf(slice.plan)} was measured at a loss of ${lossOf(slice)}`;
  const other = `${unsliced.plan.summary} without slicing fits and loses ${lossOf(unsliced)}`;
  if (isBetter(slice, unsliced)) return `${measured}; ${other}: the slice is better and was chosen.`;
  const isClose = slice.score < unsliced.score;
  return isClose
    ? `${measured}; ${other}: the difference is within the error of the measurement, so the slice was not chosen.`
    : `${measured}; ${other}: do not slice this.`;
}

function alone(best: Plan, measured: MeasuredLoss | null): string {
  const only = `Nothing fits without slicing; ${lowerCase(nameOf(best))} does`;
  if (measured === null) return `${only}.`;
  const warning = measured.kld > unusableLoss ? ', which is too much to be of use' : '';
  return `${only}, and was measured at a loss of ${withError(measured)}${warning}.`;
}

/** `Slicing to 512 columns with Q8_0` */
function nameOf(plan: Plan): string {
  const quantize = plan.steps.find((step) => step.method === 'quantize');
  const types = quantize ? ` with ${quantize.type}${quantize.pure ? ' on all tensors' : ''}` : '';
  return `Slicing to ${sliceOf(plan)?.width} columns${types}`;
}

const lowerCase = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** A loss, and what the settings of the plan count besides. */
function lossOf({ loss, score }: MeasuredPlan): string {
  const settings = score - loss.kld;
  return `${withError(loss)}${settings > 0 ? ` (its settings count ${figure(settings)} more)` : ''}`;
}

const withError = ({ kld, standardError }: MeasuredLoss): string =>
  `${figure(kld)} ± ${Number(standardError.toPrecision(2))}`;

const figure = (kld: number): string => String(Number(kld.toPrecision(3)));
