// A plan's name, from its steps: what is done to the weights, then how it is run.
import type { Plan, PlanStep } from '../../src-main/contract/plan.ts';
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
