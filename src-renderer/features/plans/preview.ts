// A plan for a target that is not worked out yet: what the bar shows while the user drags, until the planner answers.
import type { Plan } from '../../../src-main/contract/plan.ts';
import type { MemoryTarget, Target } from '../../../src-main/contract/target.ts';

/** Bits of a cached number: ggml's blocks of 32 (ggml-common.h, block_q8_0 and block_q4_0). Others are not offered. */
const cacheBits: Partial<Record<MemoryTarget['kvType'], number>> = { f16: 16, q8_0: 8.5, q4_0: 4.5 };

/**
 * The plan with its cache in proportion to context and type, which holds but for layers that look back on a window only.
 * null where it takes the planner to tell.
 */
export function previewOf(plan: Plan, from: Target, to: Target): Plan | null {
  if (from.kind !== to.kind) return null;
  if (from.kind === 'file' || to.kind === 'file') return { ...plan, fits: plan.fileBytes <= to.bytes };
  const [before, after] = [cacheBits[from.kvType], cacheBits[to.kvType]];
  if (before === undefined || after === undefined) return null;
  const isContextSet = plan.steps.some(({ method }) => method === 'context');
  const isTypeSet = plan.steps.some(({ method }) => method === 'kv-cache');
  const { weightsBytes, kvBytes, buffersBytes } = plan.memory;
  const scale = (isContextSet ? 1 : to.context / from.context) * (isTypeSet ? 1 : after / before);
  const cache = Math.round(kvBytes * scale);
  const totalBytes = weightsBytes + cache + buffersBytes + to.reserveBytes;
  const memory = { ...plan.memory, kvBytes: cache, reserveBytes: to.reserveBytes, totalBytes };
  return { ...plan, memory, fits: totalBytes <= to.bytes };
}
