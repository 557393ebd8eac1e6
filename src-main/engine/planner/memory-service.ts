// Memory of planned files, by llama.cpp itself; many questions share one child.
import type { KvType, LlamaSettings, MemoryPart } from '../../contract/llama-host-api.ts';
import type { PlanMemory } from '../../contract/plan.ts';
import { memoryOf } from '../../core/planning/memory.ts';
import { reportAs, type JobContext } from '../jobs/context.ts';

export interface MemoryQuestion {
  header: string;
  context: number;
  kvType: KvType;
  gpuLayers: number;
  cpuExpertLayers?: number;
}

export async function askMemory(
  context: JobContext,
  questions: readonly MemoryQuestion[],
  reserveBytes: number,
): Promise<PlanMemory[]> {
  if (questions.length === 0) return [];
  const requests = questions.map(({ header, context: tokens, kvType, gpuLayers, cpuExpertLayers = 0 }) => {
    const settings: Partial<LlamaSettings> = { gpuLayers, cpuExpertLayers, kvTypeK: kvType, kvTypeV: kvType };
    return { header, context: tokens, settings };
  });
  const { results } = await context.llama((client) =>
    client.memory({ requests }, { signal: context.signal, onProgress: reportAs(context, 'plan', 'memory') }),
  );
  return results.map((parts: MemoryPart[]) => memoryOf(parts, reserveBytes));
}
