// A finished model in the form of the recipe's output, under its name.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { SliceResult, SlicingConfig } from '../../contract/results.ts';
import { exportModel } from '../stages/export.ts';
import { floatTypeOf } from '../stages/slice.ts';
import type { JobContext } from './context.ts';
import { companionHashes } from './output-files.ts';
import { outputForm } from './output-names.ts';
import { cleaning, unfinishedName } from './output-paths.ts';
import { publishFolder, publishOnnx } from './publish.ts';

/** What is told of the files that were written. */
export type Written = Pick<SliceResult, 'fileBytes' | 'sha256' | 'companions'>;

export interface ExportOptions {
  recipe: SliceRecipe;
  /** A GGUF, or a folder that was sliced block by block; stays. */
  file: string;
  /** The folder of the dense model, whose tokenizer files go along; null where it was a GGUF. */
  folder: string | null;
  widths: SlicingConfig;
}

/** Writes the recipe's output from `file`. @throws OUTPUT_EXISTS, DISK_FULL, UNSUPPORTED_ARCHITECTURE */
export async function exportOutput(
  context: JobContext,
  { recipe, file, folder: tokenizerFrom, widths }: ExportOptions,
): Promise<Written> {
  const isFolder = outputForm(recipe.output) === 'safetensors';
  // Made in a folder beside its place: a model's folder is moved there whole, the files of an ONNX model out of theirs.
  const folder = unfinishedName(recipe.output, 'export');
  return cleaning([folder], async () => {
    if (!isFolder) await mkdir(folder);
    const { fileBytes, sha256, hasTokenizer } = await exportModel(context, {
      source: file,
      output: isFolder ? folder : path.join(folder, path.basename(recipe.output)),
      form: isFolder ? 'safetensors' : 'onnx',
      force: false,
      type: floatTypeOf(recipe.type)!,
      tokenizerFrom,
      slicing: widths,
    });
    if (isFolder && !hasTokenizer) {
      const why = "the source's could not be written in Hugging Face's form";
      context.warnings.push(`${recipe.output} has no tokenizer: ${why}.`);
    }
    const companions = isFolder && { companions: await companionHashes(folder) };
    await (isFolder ? publishFolder : publishOnnx)(folder, recipe, context.naming);
    return { fileBytes, sha256, ...companions };
  });
}
