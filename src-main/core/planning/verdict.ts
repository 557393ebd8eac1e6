// The verdict on a list of plans, in plain words.
import type { Plan } from '../../contract/plan.ts';
import type { Target } from '../../contract/target.ts';
import { formatFileSize, formatMemory } from '../../contract/units.ts';

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
  return `Fits with ${best.summary}, with ${spare} to spare.`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function overBy(plan: Plan, target: Target): string {
  return target.kind === 'memory'
    ? formatMemory(plan.memory.totalBytes - target.bytes)
    : formatFileSize(plan.fileBytes - target.bytes);
}

function doesNotFit(plans: readonly Plan[], target: Target): string {
  if (target.kind === 'file') {
    const smallest = plans.reduce((a, b) => (b.fileBytes < a.fileBytes ? b : a));
    return `Does not fit ${formatFileSize(target.bytes)}: the smallest plan (${smallest.summary}) is ${formatFileSize(smallest.fileBytes)}. Allow a larger file or choose a smaller model.`;
  }
  const smallest = plans.reduce((a, b) => (b.memory.totalBytes < a.memory.totalBytes ? b : a));
  return (
    `Does not fit ${formatMemory(target.bytes)}: the smallest plan (${smallest.summary}) needs ${formatMemory(smallest.memory.totalBytes)}, ` +
    `${overBy(smallest, target)} too much. Use a larger card, a shorter context than ${target.context}, a smaller reserve than ${formatMemory(target.reserveBytes)}, or a smaller model.`
  );
}
