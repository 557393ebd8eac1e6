// A plan as people and programs see it, from its draft and its memory.
import type { Plan, PlanMemory, PlanStep } from '../../contract/plan.ts';
import type { Target } from '../../contract/target.ts';
import type { TensorEntry } from '../../core/formats/tensor.ts';
import { fallbackOf } from '../../core/planning/candidates.ts';
import { costOf } from '../../core/planning/cost.ts';
import { predictFile, unusableLoss } from '../../core/planning/prior.ts';
import { hasOnlyFloats } from '../../core/quantization/float-model.ts';
import { findMix } from '../../core/quantization/mixes.ts';
import type { PlannedFile } from './headers.ts';

export interface Draft {
  file: PlannedFile;
  /** Path of the header file. */
  header: string;
  /** Settings of the runner that the plan changes. */
  steps: Exclude<PlanStep, { method: 'quantize' }>[];
}

export interface PlanFacts {
  tensors: readonly TensorEntry[];
  parameters: number;
  layers: number;
  experts: boolean;
  /** Whether files are made with importance. */
  importance: boolean;
  sourceBytes: number;
  threads: number;
  target: Target;
  /** -1 where llama.cpp sees a GPU, 0 else. */
  gpuLayers: number;
}

export function planOf(draft: Draft, memory: PlanMemory, facts: PlanFacts): Plan {
  const { candidate, layout, fileBytes } = draft.file;
  const quantize: PlanStep[] =
    candidate.type === null
      ? []
      : [{ method: 'quantize', type: candidate.type, pure: candidate.pure, importance: facts.importance }];
  const { target } = facts;
  return {
    id: [candidate.id, ...draft.steps.map(stepId)].join('+'),
    summary: [candidate.summary, ...draft.steps.map(stepSummary)].join(', '),
    steps: [...quantize, ...draft.steps],
    fileBytes,
    memory,
    fits: target.kind === 'file' ? fileBytes <= target.bytes : memory.totalBytes <= target.bytes,
    predicted: { ...predictFile(facts.tensors, candidate.types, facts.parameters), basis: 'prior' },
    cost:
      candidate.type === null
        ? { seconds: 0, peakMemoryBytes: 0, diskBytes: 0 }
        : costOf(facts, layout.tensors, fileBytes),
    notes: notesOf(draft, facts),
  };
}

function stepId(step: Draft['steps'][number]): string {
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

function stepSummary(step: Draft['steps'][number]): string {
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

function notesOf({ file, steps }: Draft, { tensors, parameters }: PlanFacts): string[] {
  const { candidate } = file;
  const notes: string[] = [];
  if (predictFile(tensors, candidate.types, parameters).kld > unusableLoss)
    notes.push('Expected to lose too much to be of use.');
  const mixType = candidate.type === null ? null : candidate.pure ? candidate.type : findMix(candidate.type).type;
  const fallback = mixType === null ? null : fallbackOf(candidate, tensors, mixType);
  if (fallback && fallback.tensors > 0) {
    notes.push(
      `${fallback.tensors} of ${fallback.matrices} matrices have rows that are no multiple of 256, so llama.cpp gives them ${fallback.to.join(', ')} instead.`,
    );
  }
  if (candidate.type !== null && !hasOnlyFloats(tensors))
    notes.push('The source is quantised already; the loss is counted against it, not against the original.');
  for (const step of steps) {
    if (step.method === 'cpu-layers' || step.method === 'cpu-experts')
      notes.push(`Slower: start the runner with ${step.flag}.`);
    if (step.method === 'kv-cache') notes.push('Start the runner with flash attention and this cache type.');
  }
  return notes;
}
