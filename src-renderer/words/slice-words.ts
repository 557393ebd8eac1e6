// What became of the slices of a fit, in the words of the window: built from the reason that the result carries.
import { unusableLoss, type Plan } from '../../src-main/contract/plan.ts';
import type { FitResult, SliceComparison, SliceReason } from '../../src-main/contract/results.ts';
import { formatLoss, formatMemory, withError } from './numbers.ts';
import { planIdInWords, planName } from './plan-words.ts';
import { useWords } from './words.ts';

const words = useWords();

type Fit = Pick<FitResult, 'slices' | 'plans'>;
type MeasuredPlan = Extract<SliceReason, { kind: 'not-expected' }>['unsliced'];

/** One or two sentences; of an older result, which has no reason, the engine's own. */
export function sliceVerdict({ slices, plans }: Fit): string {
  const { reason, verdict } = slices;
  return reason === undefined ? verdict : sentence(reason, slices, (id) => nameOf(plans, id));
}

type Name = (id: string | null) => string;

function nameOf(plans: readonly Plan[], id: string | null): string {
  const plan = plans.find((one) => one.id === id);
  return plan ? planName(plan) : planIdInWords(id ?? '');
}

function sentence(reason: SliceReason, slices: SliceComparison, name: Name): string {
  const say = words.slices;
  switch (reason.kind) {
    case 'fits-as-is':
      return say.fitsAsIs;
    case 'nothing-fits':
      return slices.best === null ? say.noneFits : say.onlySlices;
    case 'not-measured':
      return say.notMeasured;
    case 'unwished':
      return say.unwished;
    case 'wished':
      return slices.measured === null
        ? say.wished(name(reason.plan))
        : say.wishedMeasured(name(reason.plan), lossOf(slices.measured));
    case 'none-fits':
      return say.noneOfUse;
    case 'refused':
      return say.refused(reason.message);
    case 'named':
      return named(reason, slices, name);
    case 'not-expected': {
      const { unsliced } = reason;
      const least = formatLoss(slices.predicted?.kldLow ?? 0);
      return say.notMade(name(slices.best), say.notExpected(least, name(unsliced.plan), lossOf(unsliced)));
    }
    case 'compared':
      return compared(reason, slices, name);
    case 'alone':
      return alone(slices, name);
    default:
      return say.notMade(name(reason.plan), because(reason));
  }
}

/** Of a slice that was to be made and was not. */
type NotMade = Exclude<Extract<SliceReason, { plan: string }>, { kind: 'named' | 'wished' }>;

function because(reason: NotMade): string {
  const say = words.slices;
  switch (reason.kind) {
    case 'too-large':
      return say.tooLarge;
    case 'nothing-to-compare':
      return say.nothingToCompare;
    case 'too-much-memory':
      return say.tooMuchMemory(formatMemory(reason.neededBytes), formatMemory(reason.allowedBytes));
    case 'failed':
      return reason.message;
  }
}

function named(
  { plan, unsliced }: Extract<SliceReason, { kind: 'named' }>,
  { best, chosen, measured, predicted }: SliceComparison,
  name: Name,
): string {
  const say = words.slices;
  if (!chosen) {
    const slice = best === null || predicted === null ? [] : [say.bestSlice(name(best), expected(predicted))];
    return [say.otherAsked(name(plan)), ...slice].join(' ');
  }
  const made = measured === null ? say.asked(name(plan)) : say.askedMeasured(name(plan), lossOf(measured));
  const other =
    unsliced === null ? say.notComparedAlone : say.notCompared(name(unsliced.plan), expected(unsliced.predicted));
  return `${made} ${other}`;
}

function expected({ kld, kldLow, kldHigh }: NonNullable<SliceComparison['predicted']>): string {
  const { toLose, toLoseNothing } = words.slices;
  return kld === 0 ? toLoseNothing : toLose(formatLoss(kld), formatLoss(kldLow), formatLoss(kldHigh));
}

/** Better is what the engine chose. */
function compared(
  { slice, unsliced }: Extract<SliceReason, { kind: 'compared' }>,
  { chosen }: SliceComparison,
  name: Name,
): string {
  const say = words.slices;
  const figures = say.compared(name(slice.plan), lossOf(slice), name(unsliced.plan), lossOf(unsliced));
  const isClose = slice.kld + slice.settings < unsliced.kld + unsliced.settings;
  return `${figures} ${chosen ? say.better : isClose ? say.close : say.worse}`;
}

function alone({ best, measured }: SliceComparison, name: Name): string {
  const say = words.slices;
  if (measured === null) return say.alone(name(best));
  const isOfNoUse = measured.kld > unusableLoss;
  return [say.aloneMeasured(name(best), lossOf(measured)), ...(isOfNoUse ? [say.ofNoUse] : [])].join(' ');
}

/** A loss, and what the settings of the plan count besides. */
function lossOf({ kld, standardError, settings = 0 }: Omit<MeasuredPlan, 'plan' | 'settings'> & { settings?: number }) {
  const loss = withError(kld, standardError);
  return settings > 0 ? words.slices.settings(loss, formatLoss(settings)) : loss;
}
