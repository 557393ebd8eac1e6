// A plan against its target, as the window shows it: the bar's segments, the limit, how much is left or too much.
import type { Plan, PlanList } from '../../../src-main/contract/plan.ts';
import type { FitResult } from '../../../src-main/contract/results.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../../src-main/contract/units.ts';
import type { BarSegment } from '../../ui/bar-layout.ts';
import { formatCount, sizeFormat } from '../../words/numbers.ts';

export interface PlanBar {
  segments: BarSegment[];
  limitBytes: number;
  format: (bytes: number) => string;
}

export function barOf(plan: Plan, target: Target): PlanBar {
  const format = sizeFormat(target.kind, target.bytes);
  if (target.kind === 'file') {
    return { segments: [{ part: 'weights', label: 'File', bytes: plan.fileBytes }], limitBytes: target.bytes, format };
  }
  const { weightsBytes, kvBytes, buffersBytes, reserveBytes } = plan.memory;
  const segments: BarSegment[] = [
    { part: 'weights', label: 'Weights', bytes: weightsBytes },
    { part: 'kv', label: 'KV cache', bytes: kvBytes },
    { part: 'buffers', label: 'Buffers', bytes: buffersBytes },
    { part: 'reserve', label: 'Reserve', bytes: reserveBytes },
  ];
  return { segments, limitBytes: target.bytes, format };
}

/** One sentence per part of the card's memory. */
export const partHints: Record<BarSegment['part'], string> = {
  weights: 'The model itself.',
  kv: 'What the model remembers of the text so far; grows with the context.',
  buffers: 'Room for the arithmetic while it runs.',
  reserve: 'Kept for the display and the driver.',
};

/** Bytes left under the limit; negative where the plan is too big. */
export function spareBytes(plan: Plan, target: Target): number {
  return target.bytes - (target.kind === 'file' ? plan.fileBytes : plan.memory.totalBytes);
}

export function fitInWords(plan: Plan, target: Target): string {
  const spare = spareBytes(plan, target);
  const format = sizeFormat(target.kind, target.bytes);
  return spare >= 0 ? `${format(spare)} to spare` : `over by ${format(-spare)}`;
}

/** The planner's verdict belongs to its best plan; another one that the user looks at gets a sentence of its own. */
export function headlineOf(list: PlanList, plan: Plan): [headline: string, rest: string] {
  if (plan.id !== list.best && list.best !== null) {
    const fit = fitInWords(plan, list.target);
    return [plan.fits ? `Fits, with ${fit}` : `Does not fit: ${fit}`, ''];
  }
  if (list.best !== null) return [list.verdict.replace(/\.$/, ''), ''];
  const [headline = '', ...rest] = list.verdict.split(': ');
  return [headline, sentenceCase(rest.join(': '))];
}

/** The verdict of a finished fit. */
export function resultHeadline({ output, plan, proof, verdict }: FitResult, target: Target): string {
  if (output === null || plan === null) return verdict;
  const runs = proof?.passed ? 'It runs' : 'It is made';
  return `${runs}, ${plan.fits ? 'with' : 'but is'} ${fitInWords(plan, target)}`;
}

/** The question that a list of plans answers. */
export function questionInWords({ plans, target }: PlanList): string {
  const size = sizeFormat(target.kind, target.bytes)(target.bytes);
  if (target.kind === 'file') return `${plans.length} plans for a file of ${size}`;
  return `${plans.length} plans for a ${size} card with ${formatCount(target.context)} tokens of context, KV cache ${target.kvType}`;
}

/** What making it takes: time, disk, memory; empty where nothing is made. */
export function costInWords({ cost }: Plan): string {
  if (cost.diskBytes === 0) return '';
  return `Making it takes about ${formatDuration(cost.seconds)}, ${formatFileSize(cost.diskBytes)} of disk, ${formatMemory(cost.peakMemoryBytes)} of memory.`;
}

/** True for a plan that uses the source as it is: there is nothing to make, only to prove. */
export function usesSource(plan: Plan): boolean {
  return plan.steps.every(({ method }) => method !== 'quantize' && method !== 'slice');
}

/** First letter upper case: summaries start sentences and rows. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** True for a plan that cuts the model's width. */
export function isSlice(plan: Plan): boolean {
  return plan.steps.some(({ method }) => method === 'slice');
}

/** The plans in view before "show all": the best ones, and always the chosen one, the best slice and the source. */
export function shortList(list: PlanList, chosenId: string | undefined, count: number): Plan[] {
  const always = new Set([chosenId, list.plans.find(isSlice)?.id, 'source']);
  return list.plans.filter((plan, index) => index < count || always.has(plan.id));
}

/** What is to be said of slices beside a finished fit; empty where slicing was no question. */
export function slicesInWords({ slices, plan }: FitResult): string {
  return plan !== null && usesSource(plan) ? '' : slices.verdict;
}
