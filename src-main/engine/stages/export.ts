// A finished model in another form.
import path from 'node:path';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { SlicingConfig } from '../../contract/results.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { outputForm, publishFolder, unfinishedName } from '../jobs/output-paths.ts';
import { floatTypeOf } from './slice.ts';

export interface ExportOptions {
  recipe: SliceRecipe;
  /** A GGUF, or a folder that was sliced block by block; stays. */
  file: string;
  /** The folder of the dense model, whose tokenizer files go along; null where it was a GGUF. */
  folder: string | null;
  widths: SlicingConfig;
}

/** Writes the recipe's output from `file`. @throws OUTPUT_EXISTS, DISK_FULL, UNSUPPORTED_ARCHITECTURE */
export async function exportModel(
  context: JobContext,
  { recipe, file, folder, widths }: ExportOptions,
): Promise<{ fileBytes: number; sha256: string }> {
  const form = outputForm(recipe.output);
  return stage(context, 'export', async () => {
    const isFolder = form === 'safetensors';
    // A folder is made beside its place and moved there whole; an ONNX file and its weights are each written so.
    const output = isFolder ? unfinishedName(`${recipe.output}.folder`) : path.resolve(recipe.output);
    const made = await context.worker((client) =>
      client.exportModel(
        {
          ...{ source: file, output, form: isFolder ? 'safetensors' : 'onnx', force: recipe.force },
          ...{ type: floatTypeOf(recipe.type)!, tokenizerFrom: folder, slicing: widths },
        },
        { signal: context.signal, onProgress: reportAs(context, 'export') },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    if (isFolder) {
      if (!made.hasTokenizer) {
        context.warnings.push(
          `${recipe.output} has no tokenizer: the source's could not be written in Hugging Face's form.`,
        );
      }
      await publishFolder(output, recipe);
    }
    return { fileBytes: made.fileBytes, sha256: made.sha256 };
  });
}

/** A model as ONNX in the job's scratch folder, under a name of its own there. @throws DISK_FULL, UNSUPPORTED_ARCHITECTURE */
export async function scratchOnnx(
  context: JobContext,
  { source, type, name, detail }: { source: string; type: 'F32' | 'F16'; name: string; detail?: string },
): Promise<{ file: string; fileBytes: number }> {
  const file = path.join(context.scratch, `${name}.onnx`);
  return stage(context, 'export', async () => {
    const { fileBytes, peakMemoryBytes } = await context.worker((client) =>
      client.exportModel(
        { source, output: file, form: 'onnx', type, force: false, tokenizerFrom: null, slicing: null },
        { signal: context.signal, onProgress: reportAs(context, 'export', detail) },
      ),
    );
    notePeakMemory(context, peakMemoryBytes);
    return { file, fileBytes };
  });
}
