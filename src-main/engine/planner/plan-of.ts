// A plan as people and programs see it, from its draft and its memory.
import {
  unusableLoss,
  type Plan,
  type PlanMemory,
  type PlanRemark,
  type PlanStep,
  type RunnerStep,
} from '../../contract/plan.ts';
import type { Target } from '../../contract/target.ts';
import type { TensorEntry } from '../../core/formats/tensor.ts';
import { fallbackOf } from '../../core/planning/candidates.ts';
import { costOf, type CostFacts } from '../../core/planning/cost.ts';
import { elementCount } from '../../core/formats/tensor.ts';
import type { NamedFile } from '../../core/planning/job-work.ts';
import { weightsOf } from '../../core/planning/stage-work.ts';
import { remarkInWords } from '../../core/planning/plan-remarks.ts';
import { predictFile, type LossPrior } from '../../core/planning/prior.ts';
import { predictSlice, withTypes } from '../../core/planning/slice-prior.ts';
import { takesImportance } from '../../core/quantization/quantize-plan.ts';
import { hasOnlyFloats } from '../../core/quantization/float-model.ts';
import { makesFile, type PlannedFile } from './headers.ts';

export interface Draft {
  file: PlannedFile;
  /** Path of the header file. */
  header: string;
  /** Settings of the runner that the plan changes. */
  steps: RunnerStep[];
}

export interface PlanFacts extends CostFacts {
  tensors: readonly TensorEntry[];
  parameters: number;
  layers: number;
  experts: boolean;
  /** Whether files are made with importance; without, the smallest types are out. */
  importance: boolean;
  target: Target;
  /** The model is a folder: even the source unchanged is written, as a GGUF. */
  isConverted: boolean;
  /** -1 where llama.cpp sees a GPU, 0 else. */
  gpuLayers: number;
}

export function planOf(draft: Draft, memory: PlanMemory, facts: PlanFacts): Plan {
  const { candidate, slice, fileBytes } = draft.file;
  const quantize: PlanStep[] =
    candidate.type === null
      ? []
      : [{ method: 'quantize', type: candidate.type, pure: candidate.pure, importance: facts.importance }];
  const { target } = facts;
  const remarks = remarksOf(draft, facts);
  const id = [candidate.id, ...draft.steps.map(stepId)].join('+');
  return {
    id,
    summary: [candidate.summary, ...draft.steps.map(stepSummary)].join(', '),
    steps: [...(slice ? [slice] : []), ...quantize, ...draft.steps],
    fileBytes,
    memory,
    fits: target.kind === 'file' ? fileBytes <= target.bytes : memory.totalBytes <= target.bytes,
    predicted: { ...lossOf(draft.file, facts), basis: 'prior' },
    cost: isWritten(draft, facts)
      ? costOf(facts, id, namedFileOf(draft))
      : { seconds: 0, peakMemoryBytes: 0, diskBytes: 0 },
    notes: remarks.map(remarkInWords),
    remarks,
  };
}

/** Whether a job that names the plan writes a file. */
export const isWritten = ({ file }: Draft, { isConverted }: PlanFacts): boolean => makesFile(file) || isConverted;

/** The file as a job that names the plan is counted by it. */
export function namedFileOf({ file }: Draft): NamedFile {
  const { slice, layout, fileBytes, candidate } = file;
  const { tensors } = layout;
  const parameters = tensors.reduce((sum, { shape }) => sum + elementCount(shape)!, 0);
  return {
    bytes: fileBytes,
    parameters,
    weights: weightsOf(tensors),
    isSliced: slice !== null,
    takesImportance: takesImportance(file.tensors, candidate.types),
  };
}

/** What the file is expected to lose, by the prior. */
export function lossOf({ candidate, slice, tensors }: PlannedFile, { parameters }: PlanFacts): LossPrior {
  const types = predictFile(tensors, candidate.types, parameters);
  return slice ? withTypes(predictSlice(slice.sparsity, parameters), types) : types;
}

function stepId(step: RunnerStep): string {
  switch (step.method) {
    case 'kv-cache':
      return `kv-${step.type}`;
    case 'context':
      return `context-${step.tokens}`;
    case 'cpu-layers':
      return `cpu-layers-${step.layers}`;
    case 'cpu-experts':
      return `cpu-experts-${step.layers}`;
  }
}

function stepSummary(step: RunnerStep): string {
  switch (step.method) {
    case 'kv-cache':
      return `KV cache ${step.type}`;
    case 'context':
      return `context ${step.tokens}`;
    case 'cpu-layers':
      return `${layersInWords(step.layers)} on the CPU`;
    case 'cpu-experts':
      return `experts of ${layersInWords(step.layers)} on the CPU`;
  }
}

const layersInWords = (count: number): string => (count === 1 ? '1 layer' : `${count} layers`);

function remarksOf({ file, steps }: Draft, facts: PlanFacts): PlanRemark[] {
  const { candidate, slice, tensors } = file;
  const remarks: PlanRemark[] = [];
  if (slice) remarks.push({ kind: facts.fit.methods === 'slice' ? 'narrower-wished' : 'narrower' });
  if (facts.isConverted && !makesFile(file)) remarks.push({ kind: 'folder-written' });
  if (lossOf(file, facts).kld > unusableLoss) remarks.push({ kind: 'of-no-use' });
  const fallback = fallbackOf(candidate, tensors);
  if (fallback !== null) remarks.push(fallback);
  if (makesFile(file) && !hasOnlyFloats(facts.tensors)) remarks.push({ kind: 'source-quantised' });
  for (const step of steps) {
    if (step.method === 'cpu-layers' || step.method === 'cpu-experts')
      remarks.push({ kind: 'slower', flag: step.flag });
    if (step.method === 'kv-cache') remarks.push({ kind: 'cache-type' });
  }
  return remarks;
}
