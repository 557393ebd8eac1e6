// Which files an output of Snug is made of.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { companionNames } from '../../core/export/safetensors/companion-files.ts';
import { sha256OfFile } from '../library/file-hash.ts';

/** Where the weights of a large ONNX model lie (core/export/onnx). */
export const dataOf = (onnx: string): string => `${onnx}.data`;

/** An ONNX model's own file, and the one with its weights where it is large. */
export async function onnxFiles(model: string): Promise<string[]> {
  const found = await stat(dataOf(model)).catch(() => null);
  return found ? [model, dataOf(model)] : [model];
}

const modelFile = /^(config\.json|model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?)$/;

/** Whether Snug writes a file of this name into a model's folder. */
export const isModelFile = (name: string): boolean => modelFile.test(name) || companionNames.includes(name);

/** Of the files of a model's folder: whether it is no companion, which are small. */
export const holdsWeights = (name: string): boolean => !/\.(json|txt|jinja)$|^tokenizer\.model$/.test(name);

/** SHA-256 by name of the files of a complete folder that lie beside its weights. */
export async function companionHashes(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => isModelFile(name) && !holdsWeights(name)).toSorted();
  const hashes = names.map(async (name) => [name, await sha256OfFile(path.join(folder, name))] as const);
  return Object.fromEntries(await Promise.all(hashes));
}
