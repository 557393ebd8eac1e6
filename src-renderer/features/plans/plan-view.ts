// A plan against its target, as the window shows it: the bar's segments, the limit, how much is left or too much.
import type { DeviceList } from '../../../src-main/contract/devices.ts';
import { unusableLoss, type Plan, type PlanList } from '../../../src-main/contract/plan.ts';
import type { FitResult } from '../../../src-main/contract/results.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import type { BarSegment } from '../../ui/bar-layout.ts';
import { formatCount, sizeFormat } from '../../words/numbers.ts';
import { planName } from '../../words/plan-words.ts';
import { sliceVerdict } from '../../words/slice-words.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

export interface PlanBar {
  segments: BarSegment[];
  limitBytes: number;
  format: (bytes: number) => string;
}

export function barOf(plan: Plan, target: Target): PlanBar {
  const format = sizeFormat(target.kind, target.bytes);
  if (target.kind === 'file') {
    return {
      segments: [{ part: 'weights', label: words.plans.parts.file, bytes: plan.fileBytes }],
      limitBytes: target.bytes,
      format,
    };
  }
  const { weightsBytes, kvBytes, buffersBytes, reserveBytes } = plan.memory;
  const segments: BarSegment[] = [
    { part: 'weights', label: words.plans.parts.weights, bytes: weightsBytes },
    { part: 'kv', label: words.plans.parts.kv, bytes: kvBytes },
    { part: 'buffers', label: words.plans.parts.buffers, bytes: buffersBytes },
    { part: 'reserve', label: words.plans.parts.reserve, bytes: reserveBytes },
  ];
  return { segments, limitBytes: target.bytes, format };
}

/** The computer's own memory, where a plan keeps layers or experts there; null where it does not, or where it is not known. */
export function systemBarOf({ memory }: Plan, list: DeviceList | null): PlanBar | null {
  const processor = list?.devices.find(({ kind }) => kind === 'cpu');
  if (memory.systemBytes === 0 || processor === undefined) return null;
  return {
    segments: [{ part: 'weights', label: words.front.onCpu, bytes: memory.systemBytes }],
    limitBytes: processor.totalBytes,
    format: sizeFormat('memory', processor.totalBytes),
  };
}

/** What a plan takes of what the target limits: memory of the card, or the file. */
export function sizeAgainst(plan: Plan, target: Target): number {
  return target.kind === 'file' ? plan.fileBytes : plan.memory.totalBytes;
}

/** Bytes left under the limit; negative where the plan is too big. */
export function spareBytes(plan: Plan, target: Target): number {
  return target.bytes - sizeAgainst(plan, target);
}

/** `0.60 GiB to spare` or `over by 14.1 GiB`, in the unit of the limit. */
export function fitInWords(plan: Plan, target: Target): string {
  const spare = spareBytes(plan, target);
  const size = sizeFormat(target.kind, target.bytes)(Math.abs(spare));
  return spare >= 0 ? words.plans.spare(size) : words.plans.tooMuch(size);
}

/** The verdict on the plan that is looked at; where nothing fits at all, that, and what would help. `isGuess`: marked with ≈. */
export function headlineOf(list: PlanList, plan: Plan, isGuess = false): [headline: string, rest: string] {
  const { verdict } = words.plans;
  const { target } = list;
  const exact = sizeFormat(target.kind, target.bytes);
  const format = (bytes: number): string => `${isGuess ? '≈ ' : ''}${exact(bytes)}`;
  if (list.best === null) return [nothingFits(list.plans, format(target.bytes)), adviceOf(list)];
  const spare = spareBytes(plan, target);
  if (spare < 0) return [verdict.doesNotFit(format(-spare)), ''];
  const onCpu = layersOnCpu(plan);
  if (onCpu !== null) {
    const name = onCpu.layers * 2 >= onCpu.all ? 'fitsMostlyOnCpu' : 'fitsPartlyOnCpu';
    return [verdict[name](format(spare)), verdict.layersOnCpu(onCpu.layers, onCpu.all)];
  }
  return [verdict[usesSource(plan) && plan.steps.length === 0 ? 'fitsAsIs' : 'fits'](format(spare)), ''];
}

/** Layers that the processor computes; null where the card does all. The runner counts the output as one layer more. */
function layersOnCpu({ steps }: Plan): { layers: number; all: number } | null {
  const step = steps.find(({ method }) => method === 'cpu-layers');
  return step?.method === 'cpu-layers' ? { layers: step.layers, all: step.layers + step.gpuLayers - 1 } : null;
}

/** What a plan keeps on the processor, and what that costs; empty where the card does all. */
export function onCpuInWords(plan: Plan): string {
  const { layersOnCpu: ofLayers, expertsOnCpu: ofExperts } = words.plans.verdict;
  const onCpu = layersOnCpu(plan);
  if (onCpu !== null) return ofLayers(onCpu.layers, onCpu.all);
  const experts = plan.steps.find(({ method }) => method === 'cpu-experts');
  return experts?.method === 'cpu-experts' ? ofExperts(experts.layers) : '';
}

/** The smallest plan that one would want, or the smallest at all: a file of noise is no advice. */
export function smallestOfUse({ plans, target }: Pick<PlanList, 'plans' | 'target'>): Plan | undefined {
  const usable = plans.filter(({ predicted }) => predicted.kld <= unusableLoss);
  return (usable.length > 0 ? usable : plans).toSorted((a, b) => spareBytes(b, target) - spareBytes(a, target))[0];
}

/** Where only slices were planned, nothing is known of the rest. */
const nothingFits = (plans: readonly Plan[], limit: string): string =>
  plans.every(isSlice) ? words.plans.verdict.noSliceFits(limit) : words.plans.verdict.nothingFits(limit);

/** How far off it is, and what to change. */
function adviceOf(list: Pick<PlanList, 'plans' | 'target'>): string {
  const { target } = list;
  const { smallest, largerCard, largerFile, otherPlans } = words.plans.verdict;
  const least = smallestOfUse(list);
  const advice = list.plans.every(isSlice) ? otherPlans : target.kind === 'file' ? largerFile : largerCard;
  if (least === undefined) return advice;
  const format = sizeFormat(target.kind, target.bytes);
  const over = -spareBytes(least, target);
  return `${smallest(planName(least), format(target.bytes + over), format(over))} ${advice}`;
}

/** The verdict of a finished fit; `named`: the plan that was asked for, by its id. */
export function resultHeadline(result: FitResult, target: Target, named: string | null): string {
  const { output, plan, proof } = result;
  if (output === null || plan === null) return nothingMade(result, target, named);
  const { runs, runsOver, made, madeOver } = words.report;
  const [fits, over] = proof?.passed ? [runs, runsOver] : [made, madeOver];
  return (plan.fits ? fits : over)(fitInWords(plan, target));
}

/** A slice that would fit does not count: it was not measured. Where only slices were planned, all of them do. */
function nothingMade({ plans }: FitResult, target: Target, named: string | null): string {
  const format = sizeFormat(target.kind, target.bytes);
  const wanted = plans.find(({ id, fits }) => id === named && !fits);
  if (wanted) return words.report.namedTooBig(planName(wanted), format(-spareBytes(wanted, target)));
  const unsliced = plans.filter((plan) => !isSlice(plan));
  const counted = unsliced.length > 0 ? unsliced : plans;
  return `${nothingFits(counted, format(target.bytes))}. ${adviceOf({ plans: counted, target })}`;
}

/** The question that a list of plans answers. */
export function questionInWords({ plans, target }: PlanList): string {
  const size = sizeFormat(target.kind, target.bytes)(target.bytes);
  const { question } = words.plans;
  if (target.kind === 'file') return question.file(plans.length, size);
  return question.card(plans.length, size, formatCount(target.context), target.kvType);
}

/** True for a plan that uses the source as it is: there is nothing to make, only to prove. A folder is a file first. */
export function usesSource({ cost }: Plan): boolean {
  return cost.diskBytes === 0;
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
export function slicesInWords({ slices, plan, plans }: FitResult): string {
  return plan !== null && usesSource(plan) ? '' : sliceVerdict({ slices, plans });
}
