// The planner, first version: every named mix and every single type, KV types, contexts, layers and experts on the CPU, slices;
// exact bytes from the layout of the file to be, memory from llama.cpp, loss from the stated prior (core/planning/prior.ts).
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { KvType } from '../../contract/llama-host-api.ts';
import type { PlanList } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import { candidateOf, isPossible, mixQuestions, withoutTwins, type Candidate } from '../../core/planning/candidates.ts';
import { targetKey } from '../../core/planning/found-plans.ts';
import { ranked, type RankContext } from '../../core/planning/rank.ts';
import { bestPlan } from '../../core/planning/slices.ts';
import { verdictOf } from '../../core/planning/verdict.ts';
import { requantizedTensors, requantizedWarning } from '../../core/quantization/source-precision.ts';
import { sharedSliceRefusal } from '../../core/slicing/shared-refusal.ts';
import { jobFacts } from '../job-facts.ts';
import { stage, type JobContext } from '../jobs/context.ts';
import type { GgufSource } from '../stages/open.ts';
import { plannedFile, writeHeader } from './headers.ts';
import { askMemory } from './memory-service.ts';
import { isWritten, namedFileOf, planOf, type Draft, type PlanFacts } from './plan-of.ts';
import { slicePlans, type DraftedPlan } from './slice-plans.ts';
import { memoryVariants, type Measured } from './variants.ts';

export interface Planned {
  list: PlanList;
  /** What each plan is made of. */
  drafts: ReadonlyMap<string, Draft>;
  facts: PlanFacts;
  rank: RankContext;
  /** How the plans are run unless a step says otherwise. */
  run: { context: number; kvType: KvType };
}

/** How a file is run where nobody said how: a file-size target, a plain quantisation. */
const fileTargetRun = { context: 4096, kvType: 'f16', reserveBytes: 2 ** 30 } as const;

/** The same, within what the model was made for. */
export function defaultRun(contextLength: number | null): { context: number; kvType: 'f16'; reserveBytes: number } {
  return { ...fileTargetRun, context: Math.min(fileTargetRun.context, contextLength ?? Infinity) };
}

/** Plans an opened model for the fit that will make it. */
export async function planModel(context: JobContext, source: GgufSource, fit: FitRecipe): Promise<Planned> {
  const planned = await stage(context, 'plan', () => planSource(context, source, fit));
  noteFound(context, planned);
  return planned;
}

function noteFound({ planned }: JobContext, { list, drafts, facts }: Planned): void {
  for (const [id, draft] of drafts) if (isWritten(draft, facts)) planned.files.set(id, namedFileOf(draft));
  if (list.best !== null) planned.best.set(targetKey(list.target), list.best);
}

async function planSource(context: JobContext, source: GgufSource, fit: FitRecipe): Promise<Planned> {
  const { target } = fit;
  const sliceRefusal = sharedSliceRefusal(source);
  if (fit.methods === 'slice' && sliceRefusal !== null)
    throw new AppError('UNSUPPORTED_ARCHITECTURE', sliceRefusal, { path: source.path, reason: sliceRefusal });
  const run = target.kind === 'memory' ? target : defaultRun(source.config.contextLength);
  const { devices } = await context.identify();
  const hasGpu = fit.device !== 'cpu' && devices.some(({ kind }) => kind === 'gpu');
  const facts: PlanFacts = {
    tensors: source.tensors,
    parameters: source.parameters,
    layers: source.config.numHiddenLayers ?? 0,
    experts: source.experts !== null,
    importance: fit.importance !== 'off',
    fit,
    job: await jobFacts(fit, path.join(context.folders.resources, 'texts')),
    machine: context.machine,
    threads: context.threads,
    target,
    isConverted: source.isConverted,
    gpuLayers: hasGpu ? -1 : 0,
  };
  const candidates = await findCandidates(context, source, facts.importance);
  const measured = await unslicedFiles(context, source, { candidates, facts, run });
  const unsliced = measured.map(({ draft, memory }) => ({ draft, plan: planOf(draft, memory, facts) }));
  const all = [
    ...(fit.methods === 'slice' ? [] : [...unsliced, ...(await variedPlans(context, measured, facts))]),
    ...(fit.methods === 'quantize' || sliceRefusal !== null
      ? []
      : await slicePlans(context, source, { unsliced, facts, run })),
  ];
  const rank = { context: run.context, layers: facts.layers, by: target.kind };
  if (all.length === 0) throw new AppError('USAGE', noSlices(source), { methods: fit.methods });
  const found = all.map(({ plan }) => plan);
  const plans = ranked(found, rank);
  const best = bestPlan(plans);
  return {
    list: {
      target,
      verdict: verdictOf(plans, target, best),
      best: best?.id ?? null,
      plans,
      sliceRefusal,
      warnings: warningsOf(source, candidates, run.context),
    },
    drafts: new Map(all.map(({ draft, plan }) => [plan.id, draft])),
    facts,
    rank,
    run,
  };
}

interface UnslicedOptions {
  candidates: readonly Candidate[];
  facts: PlanFacts;
  run: { context: number; kvType: KvType; reserveBytes: number };
}

/** What each candidate makes of the whole model and needs, but for files that are no smaller than the source. */
async function unslicedFiles(
  context: JobContext,
  source: GgufSource,
  { candidates, facts, run }: UnslicedOptions,
): Promise<Measured[]> {
  const drafts: Draft[] = [];
  for (const candidate of candidates) {
    const file = plannedFile(source.gguf, candidate);
    if (candidate.type !== null && file.fileBytes >= source.fileBytes) continue;
    drafts.push({ file, header: await writeHeader(file, context.scratch), steps: [] });
  }
  const asked = { context: run.context, kvType: run.kvType, gpuLayers: facts.gpuLayers };
  const questions = drafts.map(({ header }) => ({ header, ...asked }));
  const memories = await askMemory(context, questions, run.reserveBytes);
  return drafts.map((draft, index) => ({ draft, memory: memories[index]! }));
}

/** With settings of the runner: KV types, contexts, layers and experts on the CPU. */
async function variedPlans(
  context: JobContext,
  measured: readonly Measured[],
  facts: PlanFacts,
): Promise<DraftedPlan[]> {
  const { target } = facts;
  const variants = target.kind === 'memory' ? await memoryVariants(context, measured, facts, target) : [];
  return variants.map(({ draft, memory }) => ({ draft, plan: planOf(draft, memory, facts) }));
}

const noSlices = ({ path: file }: GgufSource): string =>
  `No slice of ${file} is smaller than it is: its types have rows that no narrower width holds. Plan it with --methods any.`;

async function findCandidates(context: JobContext, source: GgufSource, importance: boolean): Promise<Candidate[]> {
  const questions = mixQuestions(importance);
  const { results } = await context.llama((client) =>
    client.mixTypes({ model: source.path, mixes: questions }, { signal: context.signal }),
  );
  const unchanged: Candidate = {
    id: 'source',
    summary: 'the source unchanged',
    type: null,
    pure: false,
    fileType: null,
    types: Object.fromEntries(source.tensors.map(({ name, type }) => [name, type])),
  };
  const made = questions.map((question, index) => candidateOf(question, results[index]?.types ?? null));
  const possible = made.filter(
    (candidate) => candidate !== null && isPossible(candidate, source.config.tiedEmbeddings),
  ) as Candidate[];
  return withoutTwins([unchanged, ...possible]);
}

function warningsOf(source: GgufSource, candidates: readonly Candidate[], context: number): string[] {
  const coarsest = Math.max(...candidates.map(({ types }) => requantizedTensors(source.tensors, types).length));
  const requantized = requantizedWarning(coarsest);
  const { contextLength } = source.config;
  const beyond =
    contextLength !== null && context > contextLength
      ? `The model was made for contexts up to ${contextLength} tokens; ${context} is beyond that.`
      : null;
  return [requantized, beyond].filter((warning) => warning !== null);
}
