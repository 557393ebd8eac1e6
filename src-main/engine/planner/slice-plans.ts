// Slices among the plans: types that are just too large (where only slices are asked for, those that fit too), each at the widest width that fits. Bytes from the header of the
// sliced file, types and memory from llama.cpp, as for every other plan.
import path from 'node:path';
import type { KvType } from '../../contract/llama-host-api.ts';
import type { Plan, SliceStep } from '../../contract/plan.ts';
import type { Orientation } from '../../contract/recipe.ts';
import type { Target } from '../../contract/target.ts';
import { isPossible, mixQuestionOf, type Candidate } from '../../core/planning/candidates.ts';
import { bestSlices, slicedCandidate, sliceStep, sliceWidths, typesToSlice } from '../../core/planning/slices.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { hasOnlyFloats, writtenFloatType } from '../../core/quantization/float-model.ts';
import { findMix } from '../../core/quantization/mixes.ts';
import type { JobContext } from '../jobs/context.ts';
import type { GgufSource } from '../stages/open.ts';
import { plannedFile, writeHeader, type PlannedFile } from './headers.ts';
import { askMemory } from './memory-service.ts';
import { planOf, type Draft, type PlanFacts } from './plan-of.ts';

export interface DraftedPlan {
  draft: Draft;
  plan: Plan;
}

export interface SlicePlanOptions {
  /** Plans without a slice and without settings of the runner. */
  unsliced: readonly DraftedPlan[];
  facts: PlanFacts;
  run: { context: number; kvType: KvType; reserveBytes: number };
}

/** The slices worth a plan, of types that are just too large: of each the widest that fits, else the narrowest. */
export async function slicePlans(
  context: JobContext,
  source: GgufSource,
  { unsliced, facts, run }: SlicePlanOptions,
): Promise<DraftedPlan[]> {
  const { hiddenSize } = source.config;
  if (hiddenSize === null) return [];
  const { target } = facts;
  // What is quantised already has no type of its own to slice in.
  const hasType = ({ type }: Candidate): boolean => type !== null || hasOnlyFloats(source.tensors);
  const sliceable = unsliced.filter(
    ({ draft: { file } }) => hasType(file.candidate) && widthsOf(file.candidate, hiddenSize).length > 0,
  );
  const types = typesToSlice(sliceable, { by: target.kind, onlySlices: facts.fit.methods === 'slice' });
  const candidates = types.map(({ draft }) => draft.file.candidate);
  const { orientation } = facts.fit;
  const wished = { candidates, hiddenSize, importance: facts.importance, orientation };
  const files = await slicedFiles(context, source, wished);
  const drafts: Draft[] = [];
  for (const { plan, draft } of types) {
    const widestFirst = files.filter((file) => isOfType(file, draft.file.candidate));
    for (const file of nearTarget(widestFirst, plan, target))
      drafts.push({ file, header: await writeHeader(file, context.scratch), steps: [] });
  }
  const { context: tokens, kvType, reserveBytes } = run;
  const questions = drafts.map(({ header }) => ({ header, context: tokens, kvType, gpuLayers: facts.gpuLayers }));
  const memories = await askMemory(context, questions, reserveBytes);
  const sliced = drafts.map((draft, index) => ({ draft, plan: planOf(draft, memories[index]!, facts) }));
  const ofEachType = candidates.flatMap((candidate) => {
    const widestFirst = sliced.filter(({ draft }) => isOfType(draft.file, candidate));
    return widestFirst.find(({ plan }) => plan.fits) ?? widestFirst.at(-1) ?? [];
  });
  return bestSlices(ofEachType, target.kind);
}

const isOfType = ({ candidate }: PlannedFile, { type, pure }: Candidate): boolean =>
  candidate.type === type && candidate.pure === pure;

/**
 * The widest file that fits and the one before it, or the narrowest: by their bytes, and what the type takes besides them
 * without a slice. A slice takes a little less, so that the wider of the two may fit in truth.
 */
function nearTarget(widestFirst: readonly PlannedFile[], unsliced: Plan, target: Target): PlannedFile[] {
  const besides = target.kind === 'file' ? 0 : unsliced.memory.totalBytes - unsliced.fileBytes;
  const fitting = widestFirst.findIndex(({ fileBytes }) => fileBytes + besides <= target.bytes);
  return fitting === -1 ? widestFirst.slice(-1) : widestFirst.slice(Math.max(0, fitting - 1), fitting + 1);
}

/** Widths that the rows of most of a candidate's tensors can have, widest first. */
function widthsOf({ type, pure }: Candidate, hiddenSize: number): number[] {
  if (type === null) return sliceWidths(hiddenSize, 'F16');
  return sliceWidths(hiddenSize, pure ? type : findMix(type).type);
}

interface SlicedFilesOptions {
  candidates: readonly Candidate[];
  hiddenSize: number;
  importance: boolean;
  orientation: Orientation | null;
}

/** Every candidate at every width it can have, widest first; files that are not smaller than the source are left out. */
async function slicedFiles(
  context: JobContext,
  source: GgufSource,
  { candidates, hiddenSize, importance, orientation }: SlicedFilesOptions,
): Promise<PlannedFile[]> {
  const forms = candidates.flatMap((candidate) =>
    widthsOf(candidate, hiddenSize).map((width) => ({
      candidate,
      step: sliceStep(width, hiddenSize, { isQuantized: candidate.type !== null, wished: orientation }),
    })),
  );
  // The orientation is written in the header, so its name counts among the bytes.
  const groups = [...Map.groupBy(forms, ({ step }) => `${step.width}-${step.orientation}`).entries()]
    .map(([name, members]) => ({
      header: path.join(context.scratch, `sliced-${name}.gguf`),
      step: members[0]!.step,
      candidates: members.map(({ candidate }) => candidate),
    }))
    .sort((a, b) => b.step.width - a.step.width);
  await writeSlicedHeaders(context, source, groups);
  const files: PlannedFile[] = [];
  for (const group of groups) files.push(...(await filesOfGroup(context, group, importance)));
  return files.filter(({ fileBytes }) => fileBytes < source.fileBytes);
}

/** Candidates that are sliced alike. */
interface SliceGroup {
  /** Path of the sliced model's header, on a file of its full size. */
  header: string;
  step: SliceStep;
  candidates: readonly Candidate[];
}

async function writeSlicedHeaders(
  context: JobContext,
  source: GgufSource,
  groups: readonly SliceGroup[],
): Promise<void> {
  if (groups.length === 0) return;
  const type = writtenFloatType(source.tensors);
  await context.worker(async (client) => {
    for (const { header, step } of groups) {
      const { width, orientation } = step;
      const request = { source: source.path, output: header, width, orientation, type };
      await client.sliceHeader(request, { signal: context.signal });
    }
  });
}

async function filesOfGroup(
  context: JobContext,
  { header, step, candidates }: SliceGroup,
  importance: boolean,
): Promise<PlannedFile[]> {
  const mixes = candidates.flatMap((candidate) => mixQuestionOf(candidate, importance) ?? []);
  const { results } =
    mixes.length === 0
      ? { results: [] }
      : await context.llama((client) => client.mixTypes({ model: header, mixes }, { signal: context.signal }));
  const model = await openModel(header);
  try {
    const left = [...results];
    return candidates.flatMap((candidate) => {
      const types = candidate.type === null ? {} : left.shift()!.types;
      const sliced = types && slicedCandidate(candidate, step, types);
      if (!sliced || !isPossible(sliced, model.config.tiedEmbeddings)) return [];
      return [plannedFile(model.gguf!, sliced, step)];
    });
  } finally {
    await model.close();
  }
}
