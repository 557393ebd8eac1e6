// A finished model in another form.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { SlicingConfig } from '../../contract/results.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { outputForm } from '../jobs/output-names.ts';
import { cleaning, unfinishedName } from '../jobs/output-paths.ts';
import { publishFolder, publishOnnx } from '../jobs/publish.ts';
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
  { recipe, file, folder: tokenizerFrom, widths }: ExportOptions,
): Promise<{ fileBytes: number; sha256: string }> {
  const isFolder = outputForm(recipe.output) === 'safetensors';
  // Made in a folder beside its place: a model's folder is moved there whole, the files of an ONNX model out of theirs.
  const folder = unfinishedName(recipe.output, 'export');
  const output = isFolder ? folder : path.join(folder, path.basename(recipe.output));
  const work = async (): Promise<{ fileBytes: number; sha256: string }> => {
    if (!isFolder) await mkdir(folder);
    const made = await context.worker((client) =>
      client.exportModel(
        {
          ...{ source: file, output, form: isFolder ? 'safetensors' : 'onnx', force: false },
          ...{ type: floatTypeOf(recipe.type)!, tokenizerFrom, slicing: widths },
        },
        { signal: context.signal, onProgress: reportAs(context, 'export') },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    if (isFolder && !made.hasTokenizer) {
      context.warnings.push(
        `${recipe.output} has no tokenizer: the source's could not be written in Hugging Face's form.`,
      );
    }
    await (isFolder ? publishFolder : publishOnnx)(folder, recipe);
    return { fileBytes: made.fileBytes, sha256: made.sha256 };
  };
  return stage(context, 'export', () => cleaning([folder], work));
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
