// Slicing block by block as a stage: the folder itself.
import path from 'node:path';
import type { DeviceName, SliceRecipe } from '../../contract/recipe.ts';
import type { WidthSchedule } from '../../contract/worker/slicing.ts';
import { folderOf, type ModelSource } from '../../core/formats/model-source.ts';
import type { WorkerClient } from '../children.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { makingAnew } from '../jobs/output-paths.ts';
import { graphProvider } from './device.ts';

export interface PerBlockOptions
  extends
    Pick<SliceRecipe, 'precision' | 'paperCompat'>,
    Required<Pick<Parameters<WorkerClient['slicePerBlock']>[0], 'type' | 'orientation' | 'signals'>> {
  /** Not sliced. */
  source: Pick<ModelSource, 'kind' | 'path'>;
  /** All of one length. */
  windows: Int32Array[];
  schedule: WidthSchedule;
  seed: number;
  /** Answer those of every site. @default false */
  eigenvalues?: boolean;
  device: DeviceName;
  /** A folder that is made. */
  output: string;
  /** For progress. */
  detail?: string;
}

export type PerBlockMade = Awaited<ReturnType<WorkerClient['slicePerBlock']>>;

/** Slices a model into a folder. @throws USAGE on widths, NON_FINITE, NUMERICAL_FAILURE naming the site, DISK_FULL, CANCELLED */
export async function makePerBlock(context: JobContext, options: PerBlockOptions): Promise<PerBlockMade> {
  const { source, device, detail, ...rest } = options;
  return stage(context, 'slice', async () => {
    const provider = await graphProvider(context, device);
    const task = makingAnew(options.output, (client) =>
      client.slicePerBlock(
        {
          ...rest,
          source: source.path,
          provider,
          threads: context.threads,
          tokenizerFrom: source.kind === 'gguf' ? null : folderOf(source.path),
          checkpoints: path.join(context.checkpoints, 'slice'),
        },
        { signal: context.signal, onProgress: reportAs(context, 'slice', detail) },
      ),
    );
    const made = await context.worker(task);
    notePeakMemory(context, made.peakMemoryBytes);
    if (made.startedOver !== null)
      context.warnings.push(
        `A slicing that was stopped could not be taken up and was started over: ${made.startedOver}`,
      );
    if (!made.isKept)
      context.warnings.push(
        `The disk of ${context.checkpoints} has no room for checkpoints: had this run been stopped, its slicing would have started over.`,
      );
    return made;
  });
}
