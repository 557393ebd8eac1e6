// The verdict on a list of plans, in plain words.
import { unusableLoss, type Plan } from '../../contract/plan.ts';
import type { Target } from '../../contract/target.ts';
import { formatFileSize, formatMemory } from '../../contract/units.ts';
import { sliceOf } from './slices.ts';

/** One sentence on the best plan (or on `chosen`): fits as it is, fits after what, or does not fit and what to change. */
export function verdictOf(plans: readonly Plan[], target: Target, chosen?: Plan | null): string {
  if (chosen && !chosen.fits) return `${capitalised(chosen.summary)} does not fit: ${overBy(chosen, target)} too much.`;
  const best = chosen ?? plans.find((plan) => plan.fits);
  if (!best) return doesNotFit(plans, target);
  const spare =
    target.kind === 'memory'
      ? formatMemory(target.bytes - best.memory.totalBytes)
      : formatFileSize(target.bytes - best.fileBytes);
  if (best.id === 'source') return `Fits as it is, with ${spare} to spare.`;
  const warning = best.predicted.kld > unusableLoss ? ' It is expected to lose too much to be of use.' : '';
  return `Fits with ${best.summary}, with ${spare} to spare.${warning}`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function overBy(plan: Plan, target: Target): string {
  return target.kind === 'memory'
    ? formatMemory(plan.memory.totalBytes - target.bytes)
    : formatFileSize(plan.fileBytes - target.bytes);
}

function doesNotFit(plans: readonly Plan[], target: Target): string {
  const size = (plan: Plan): number => (target.kind === 'memory' ? plan.memory.totalBytes : plan.fileBytes);
  // The smallest that one would want: a file of noise is no advice.
  const usable = plans.filter((plan) => plan.predicted.kld <= unusableLoss);
  const smallest = (usable.length > 0 ? usable : plans).reduce((a, b) => (size(b) < size(a) ? b : a));
  const over = overBy(smallest, target);
  if (plans.every((plan) => sliceOf(plan) !== null)) {
    const [limit, least] =
      target.kind === 'file'
        ? [formatFileSize(target.bytes), formatFileSize(size(smallest))]
        : [formatMemory(target.bytes), formatMemory(size(smallest))];
    return `Does not fit ${limit}: the smallest slice (${smallest.summary}) needs ${least}, ${over} too much. Allow other plans (--methods any).`;
  }
  if (target.kind === 'file') {
    return `Does not fit ${formatFileSize(target.bytes)}: the smallest plan of use (${smallest.summary}) is ${formatFileSize(size(smallest))}, ${over} too much. Allow a larger file or choose a smaller model.`;
  }
  const reserve = target.reserveBytes > 0 ? `, a smaller reserve than ${formatMemory(target.reserveBytes)}` : '';
  return (
    `Does not fit ${formatMemory(target.bytes)}: the smallest plan of use (${smallest.summary}) needs ${formatMemory(size(smallest))}, ${over} too much, ` +
    `and moving layers to the CPU does not make up for it. Use a larger card, a shorter context than ${target.context}${reserve}, or a smaller model.`
  );
}
