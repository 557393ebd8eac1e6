// Which files an output of Snug is made of.
import { stat } from 'node:fs/promises';
import { companionNames } from '../../core/export/safetensors/companion-files.ts';

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
