// Slicing by one shared rotation: the file itself.
import { ggmlTypeByName } from '../../core/formats/ggml-types.ts';
import type { SliceStep } from '../../contract/plan.ts';
import { reportAs, stage, type JobContext } from '../jobs/context.ts';
import type { PlannedFile } from '../planner/headers.ts';
import type { BlockStatistics } from './statistics.ts';

export interface SliceOptions {
  source: string;
  statistics: BlockStatistics;
  planned: { file: PlannedFile };
  width: number;
  orientation: SliceStep['orientation'];
  seed: number;
  /** A float type, or the mix or type that `planned` is of. */
  type: string;
  /** Whether errors of quantised types are weighed by importance. */
  importance: boolean;
  output: string;
  detail?: string;
}

export type SliceMade = Awaited<ReturnType<Parameters<Parameters<JobContext['worker']>[0]>[0]['sliceShared']>>;

const floatTypeOf = (type: string): 'F32' | 'F16' | 'BF16' | null =>
  (['F32', 'F16', 'BF16'] as const).find((name) => name === ggmlTypeByName(type)?.name) ?? null;

/** Writes the sliced file, quantised in the same pass where its type is not a float. */
export async function makeSlice(context: JobContext, options: SliceOptions): Promise<SliceMade> {
  const { source, statistics, planned, width, orientation, seed, importance, output, detail } = options;
  const float = floatTypeOf(options.type);
  const { types, fileType } = planned.file.candidate;
  return stage(context, 'slice', async () => {
    const made = await context.worker((client) =>
      client.sliceShared(
        {
          ...{ source, gram: statistics.gram, output, width, orientation, seed, threads: context.threads },
          type: float ?? 'F16',
          ...(float ? { types: null, fileType: null } : { types: { ...types }, fileType }),
          importance: importance && !float ? statistics.importance : null,
        },
        { signal: context.signal, onProgress: reportAs(context, 'slice', detail) },
      ),
    );
    context.peakMemoryBytes = Math.max(context.peakMemoryBytes, made.peakMemoryBytes);
    return made;
  });
}
