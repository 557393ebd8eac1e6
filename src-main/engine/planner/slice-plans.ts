// Slices among the plans: types that are just too large, at the widest width that fits. Bytes from the header of the
// sliced file, types and memory from llama.cpp, as for every other plan.
import path from 'node:path';
import type { Plan } from '../../contract/plan.ts';
import { isPossible, mixQuestionOf, type Candidate, type MixQuestion } from '../../core/planning/candidates.ts';
import { slicedCandidate, sliceStep, sliceWidths, typesToSlice } from '../../core/planning/slices.ts';
import { openModel, type ModelSource } from '../../core/formats/model-source.ts';
import { floatTypeOf, hasOnlyFloats } from '../../core/quantization/float-model.ts';
import { findMix } from '../../core/quantization/mixes.ts';
import type { JobContext } from '../jobs/context.ts';
import type { GgufSource } from '../stages/open.ts';
import { plannedFile, writeHeader } from './headers.ts';
import { askMemory } from './memory-service.ts';
import { planOf, type Draft, type PlanFacts } from './plan-of.ts';

export interface Planned {
  draft: Draft;
  plan: Plan;
}

export interface SlicePlanOptions {
  /** Plans without a slice and without settings of the runner. */
  unsliced: readonly Planned[];
  facts: PlanFacts;
  run: { context: number; kvType: 'f16' | (string & {}); reserveBytes: number };
}
