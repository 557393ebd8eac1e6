// Variants of candidates that do not fit as asked: a quantised KV cache, experts or layers on the CPU, a shorter context.
import type { KvType } from '../../contract/llama-host-api.ts';
import type { PlanMemory, RunnerStep } from '../../contract/plan.ts';
import type { MemoryTarget } from '../../contract/target.ts';
import { expertBytes, layerBytes, moved } from '../../core/planning/memory.ts';
import { bitsPerWeight } from '../../core/formats/ggml-types.ts';
import { AppError } from '../../contract/errors.ts';
import type { JobContext } from '../jobs/context.ts';
import { askMemory, type MemoryQuestion } from './memory-service.ts';
import { lossOf, type Draft, type PlanFacts } from './plan-of.ts';

export interface Measured {
  draft: Draft;
  memory: PlanMemory;
}

/** How many candidates get variants: the ones that are worth keeping and just do not fit. */
const variedCandidates = 6;
/** Contexts are offered in whole steps, and not below this. */
const contextStep = 256;
const smallestContext = 512;

/** Variants of the least lossy candidates that do not fit. */
export async function memoryVariants(
  context: JobContext,
  measured: readonly Measured[],
  facts: PlanFacts,
  target: MemoryTarget,
): Promise<Measured[]> {
  const tooLarge = measured.filter(({ memory }) => memory.totalBytes > target.bytes);
  const varied = tooLarge
    .sort((a, b) => lossOf(a.draft.file, facts).kld - lossOf(b.draft.file, facts).kld)
    .slice(0, variedCandidates);
  const smallest = tooLarge.reduce<Measured | null>(
    (least, entry) => (least && least.memory.totalBytes <= entry.memory.totalBytes ? least : entry),
    null,
  );
  const bases =
    smallest && tooLarge.length === measured.length && !varied.includes(smallest) ? [...varied, smallest] : varied;
  const [cached, shorter] = [
    await kvVariants(context, bases, facts, target),
    await contextVariants(context, bases, facts, target),
  ];
  const split =
    facts.gpuLayers === 0
      ? bases.flatMap((base) => splitByFormula(base, facts, target))
      : await splitByLlama(context, bases, facts, target);
  return [...cached, ...split, ...shorter];
}

const withStep = ({ draft }: Measured, step: RunnerStep): Draft => ({ ...draft, steps: [...draft.steps, step] });

function questionOf(draft: Draft, target: MemoryTarget, facts: PlanFacts): MemoryQuestion {
  return { header: draft.header, context: target.context, kvType: target.kvType, gpuLayers: facts.gpuLayers };
}

async function kvVariants(
  context: JobContext,
  bases: readonly Measured[],
  facts: PlanFacts,
  target: MemoryTarget,
): Promise<Measured[]> {
  const smaller = (['q8_0', 'q4_0'] as const satisfies readonly KvType[]).filter(
    (type) => bitsPerWeight(type) < bitsPerWeight(target.kvType),
  );
  const cached = bases.filter(({ memory }) => memory.kvBytes > 0);
  const variants: Measured[] = [];
  for (const type of smaller) {
    const drafts = cached.map((base) => withStep(base, { method: 'kv-cache', type }));
    try {
      const memories = await askMemory(
        context,
        drafts.map((draft) => ({ ...questionOf(draft, target, facts), kvType: type })),
        target.reserveBytes,
      );
      variants.push(...drafts.map((draft, index) => ({ draft, memory: memories[index]! })));
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'LLAMA_FAILED')) throw error;
      context.warnings.push(`A ${type} cache is not possible for this model: ${error.message}`);
    }
  }
  return variants;
}

/** The longest context that fits, estimated by the cache's size per token and confirmed by llama.cpp. */
async function contextVariants(
  context: JobContext,
  bases: readonly Measured[],
  facts: PlanFacts,
  target: MemoryTarget,
): Promise<Measured[]> {
  const drafts = bases.flatMap((base) => {
    const { memory } = base;
    const room = target.bytes - (memory.totalBytes - memory.kvBytes);
    const tokens = Math.floor((target.context * (room / Math.max(1, memory.kvBytes))) / contextStep) * contextStep;
    return tokens >= smallestContext && tokens < target.context
      ? [{ tokens, draft: withStep(base, { method: 'context', tokens }) }]
      : [];
  });
  const memories = await askMemory(
    context,
    drafts.map(({ draft, tokens }) => ({ ...questionOf(draft, target, facts), context: tokens })),
    target.reserveBytes,
  );
  return drafts
    .map(({ draft }, index) => ({ draft, memory: memories[index]! }))
    .filter(({ memory }) => memory.totalBytes <= target.bytes);
}

/** The fewest layers, and the fewest layers' experts, whose move to the CPU makes the plan fit. */
function splitByFormula(base: Measured, facts: PlanFacts, target: MemoryTarget): Measured[] {
  return [expertStep, layerStep].flatMap((stepOf) => {
    const { bytes, kvShare } = stepOf === expertStep ? expertCosts(base, facts) : layerCosts(base, facts);
    for (let count = 1, weights = 0; count <= facts.layers; count++) {
      weights += bytes[count - 1]!;
      const memory = moved(base.memory, weights, Math.round(base.memory.kvBytes * kvShare * count));
      if (weights > 0 && memory.totalBytes <= target.bytes)
        return [{ draft: withStep(base, stepOf(count, facts)), memory }];
    }
    return [];
  });
}

const expertCosts = ({ draft }: Measured, facts: PlanFacts): { bytes: number[]; kvShare: number } => ({
  bytes: facts.experts ? expertBytes(draft.file.layout.tensors, facts.layers) : new Array<number>(facts.layers).fill(0),
  kvShare: 0,
});

const layerCosts = ({ draft }: Measured, facts: PlanFacts): { bytes: number[]; kvShare: number } => ({
  bytes: layerBytes(draft.file.layout.tensors, facts.layers),
  kvShare: 1 / Math.max(1, facts.layers),
});

const expertStep = (layers: number): RunnerStep => ({ method: 'cpu-experts', layers, flag: `--n-cpu-moe ${layers}` });

/** llama.cpp counts the output layer too: all layers on the GPU are `layers + 1`. */
const layerStep = (layers: number, facts: PlanFacts): RunnerStep => {
  const gpuLayers = facts.layers + 1 - layers;
  return { method: 'cpu-layers', layers, gpuLayers, flag: `--n-gpu-layers ${gpuLayers}` };
};

/** With a GPU at hand llama.cpp itself tells each split; the formula only proposes where to start. */
async function splitByLlama(
  context: JobContext,
  bases: readonly Measured[],
  facts: PlanFacts,
  target: MemoryTarget,
): Promise<Measured[]> {
  const proposals = bases.flatMap((base) => splitByFormula(base, facts, target));
  const questions = proposals.map(({ draft }) => {
    const step = draft.steps.at(-1)!;
    const question = questionOf(draft, target, facts);
    return step.method === 'cpu-experts'
      ? { ...question, cpuExpertLayers: step.layers }
      : { ...question, gpuLayers: step.method === 'cpu-layers' ? step.gpuLayers : -1 };
  });
  const memories = await askMemory(context, questions, target.reserveBytes);
  return proposals.map(({ draft }, index) => ({ draft, memory: memories[index]! }));
}
