// A plan's name, from its steps: what is done to the weights, then how it is run.
import type { Plan, PlanRemark, PlanStep } from '../../src-main/contract/plan.ts';
import { formatCount } from './numbers.ts';
import { useWords } from './words.ts';

const words = useWords();

/** `Q4_K_M mix, KV cache q8_0`; starts as a sentence does. */
export function planName({ steps }: Pick<Plan, 'steps'>): string {
  const makesFile = steps.some(({ method }) => method === 'quantize' || method === 'slice');
  const isBare = steps.some(({ method }) => method === 'slice') && steps.every(({ method }) => method !== 'quantize');
  const names = steps.flatMap((step) =>
    step.method === 'slice' && isBare ? [stepName(step), words.plans.name.notQuantised] : [stepName(step)],
  );
  return [...(makesFile ? [] : [words.plans.name.source]), ...names].join(', ');
}

/** A type or a plan as a recipe names it: `Q6_K`, `sliced to 512 columns, Q8_0, KV cache q8_0`. What is no part of a plan stays. */
export function planIdInWords(id: string): string {
  return id.split('+').map(partOfId).join(', ');
}

/** As llama.cpp names its types. */
const typeForm = /^(all-)?((?:i?q|tq|b?f|mxfp|nvfp)\d\w*)$/i;
const numberedForm = /^(slice|context|cpu-layers|cpu-experts)-(\d+)$/;

function partOfId(part: string): string {
  const { name } = words.plans;
  const type = typeForm.exec(part);
  if (type) return type[1] ? name.pure(type[2]!.toUpperCase()) : part.toUpperCase();
  if (part === 'source') return name.sourceInLine;
  if (part.startsWith('kv-')) return name.kvCache(part.slice('kv-'.length));
  const [, kind, figure] = numberedForm.exec(part) ?? [];
  switch (kind) {
    case 'slice':
      return name.slicedTo(figure!);
    case 'context':
      return name.context(formatCount(Number(figure)));
    case 'cpu-layers':
      return name.layersOnCpu(Number(figure));
    case 'cpu-experts':
      return name.expertsOnCpu(Number(figure));
    default:
      return part;
  }
}

function stepName(step: PlanStep): string {
  const { name } = words.plans;
  switch (step.method) {
    case 'slice':
      return name.sliced(step.width, step.hiddenSize);
    case 'quantize':
      return step.pure ? name.pure(step.type) : name.mix(step.type);
    case 'kv-cache':
      return name.kvCache(step.type);
    case 'context':
      return name.context(formatCount(step.tokens));
    case 'cpu-layers':
      return name.layersOnCpu(step.layers);
    case 'cpu-experts':
      return name.expertsOnCpu(step.layers);
  }
}

/** What there is to know of a plan; of an older result, which has no remarks, the engine's own notes. */
export const planNotes = ({ remarks, notes }: Pick<Plan, 'notes' | 'remarks'>): readonly string[] =>
  remarks?.map(remarkInWords) ?? notes;

function remarkInWords(remark: PlanRemark): string {
  const { remarks, remarkFallback, remarkSlower, remarkMeasured } = words.plans;
  switch (remark.kind) {
    case 'fallback':
      return remarkFallback(remark.fallen, remark.matrices, remark.blockSize, remark.types.join(', '));
    case 'slower':
      return remarkSlower(remark.flag);
    case 'measured':
      return remarkMeasured(remark.run, formatCount(remark.windows), formatCount(remark.windowTokens), remark.text);
    default:
      return remarks[remark.kind];
  }
}
