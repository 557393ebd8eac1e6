// A finished model in another form.
import path from 'node:path';
import type { WorkerClient } from '../children.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { makingAnew } from '../jobs/output-paths.ts';

export type ExportOptions = Parameters<WorkerClient['exportModel']>[0];
export type Exported = Awaited<ReturnType<WorkerClient['exportModel']>>;

/** Writes a model as ONNX or as a folder; `detail` is for progress. @throws OUTPUT_EXISTS, DISK_FULL, UNSUPPORTED_ARCHITECTURE */
export async function exportModel(context: JobContext, options: ExportOptions, detail?: string): Promise<Exported> {
  return stage(context, 'export', async () => {
    const task = (client: WorkerClient): Promise<Exported> =>
      client.exportModel(options, { signal: context.signal, onProgress: reportAs(context, 'export', detail) });
    const made = await context.worker(makingAnew(options.output, task));
    notePeakMemory(context, made.peakMemoryBytes);
    return made;
  });
}

/** A model as ONNX in the job's scratch folder, under a name of its own there. @throws DISK_FULL, UNSUPPORTED_ARCHITECTURE */
export async function scratchOnnx(
  context: JobContext,
  { source, type, name, detail }: { source: string; type: 'F32' | 'F16'; name: string; detail?: string },
): Promise<{ file: string; fileBytes: number }> {
  const file = path.join(context.scratch, `${name}.onnx`);
  const { fileBytes } = await exportModel(
    context,
    { source, output: file, form: 'onnx', type, force: false, tokenizerFrom: null, slicing: null },
    detail,
  );
  return { file, fileBytes };
}
