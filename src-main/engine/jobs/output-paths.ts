// Names of an output on its way: a file has its final name only once it is complete and proved.
import { constants } from 'node:fs';
import { access, lstat, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart, sweepParts } from '../../core/formats/part-files.ts';
import { slicingFile } from '../../core/slicing/slicing-config.ts';

export interface OutputTarget {
  output: string;
  force: boolean;
}

/** A file that is being made for `output`; unique to this process, and swept by the next one when this one dies. */
export function unfinishedName(output: string, candidate?: number): string {
  return partPath(path.resolve(candidate === undefined ? output : `${output}.candidate-${candidate}`));
}

export type OutputForm = 'gguf' | 'onnx' | 'safetensors';

/** What an output's name asks for; a name without an ending (`model.v2` has none) is a folder of safetensors. @throws USAGE */
export function outputForm(output: string): OutputForm {
  const ending = path.extname(output).toLowerCase();
  if (ending === '.gguf') return 'gguf';
  if (ending === '.onnx') return 'onnx';
  if (ending === '.safetensors') {
    const message = `A model in safetensors form is a folder: name it without an ending, not ${output}.`;
    throw new AppError('USAGE', message, { output });
  }
  if (/^\.[a-z]{2,6}$/.test(ending)) {
    const message = `${output} ends in ${ending}: a model is written as .gguf, as .onnx, or as a folder, which has no ending.`;
    throw new AppError('USAGE', message, { output });
  }
  return 'safetensors';
}

/**
 * Refuses, before any work, an output that cannot be written or would overwrite something; one that is an input is
 * refused even with force. @throws OUTPUT_EXISTS, FILE_NOT_FOUND, NOT_WRITABLE, USAGE
 */
export async function checkOutput({ output, force }: OutputTarget, inputs: readonly string[]): Promise<void> {
  if (outputForm(output) !== 'gguf')
    throw new AppError('USAGE', `The output must end in .gguf: ${output}.`, { output });
  await checkAnyOutput({ output, force }, inputs);
}

/** The same for an output of any form. */
export async function checkAnyOutput({ output, force }: OutputTarget, inputs: readonly string[]): Promise<void> {
  const full = path.resolve(output);
  await checkFolder(path.dirname(full));
  await refuseInputs(full, inputs);
  await refuseExisting({ output, force });
  const busy = await sweepParts(full);
  if (busy === null) return;
  throw new AppError('OUTPUT_EXISTS', `${output} is being written by another run, as ${busy}.`, { output, part: busy });
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found?.isDirectory()) {
    throw new AppError('FILE_NOT_FOUND', `The folder ${folder} does not exist: create it first.`, { path: folder });
  }
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new AppError(
      'NOT_WRITABLE',
      `The folder ${folder} cannot be written to: choose another one.`,
      { path: folder },
      error,
    );
  });
}

/** Compares files and not names: links lead to the same file. @throws USAGE */
export async function refuseInputs(output: string, inputs: readonly string[]): Promise<void> {
  const target = await stat(output).catch(() => null);
  if (!target) return;
  for (const input of inputs) {
    const found = await stat(input).catch(() => null);
    if (found?.ino !== target.ino || found.dev !== target.dev) continue;
    throw new AppError('USAGE', `The output ${output} is the input ${input} itself: choose another name.`, {
      output,
      input,
    });
  }
}

/**
 * A name that is taken, by a link to nowhere too, is not taken over without force; of folders only one that Snug wrote,
 * where a folder is to be written.
 */
async function refuseExisting({ output, force }: OutputTarget): Promise<void> {
  const found = await lstat(output).catch(() => null);
  if (!found) return;
  if (found.isDirectory() && !(outputForm(output) === 'safetensors' && (await isOurFolder(output))))
    throw new AppError('OUTPUT_EXISTS', `${output} is a folder: choose another name.`, { output });
  if (!force)
    throw new AppError('OUTPUT_EXISTS', `${output} exists already: choose another name or use --force.`, { output });
}

/** Empty, or with a model that was written here before. */
async function isOurFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return names.length === 0 || names.includes(slicingFile);
}

/** Runs `work`, which makes `files`; whatever of them is left under those names afterwards goes. */
export async function cleaning<T>(files: readonly string[], work: () => Promise<T>): Promise<T> {
  files.forEach(claimPart);
  try {
    return await work();
  } finally {
    for (const file of files) {
      releasePart(file);
      await rm(file, { force: true, recursive: true });
      await sweepParts(file); // of a worker that was killed
    }
  }
}

/** Gives a finished file its name. @throws OUTPUT_EXISTS when it was taken in the meantime */
export async function publish(file: string, target: OutputTarget): Promise<void> {
  await refuseExisting(target);
  await rename(file, target.output);
}

/** Weights of a folder, of which an older model may have had more files. */
const weightsFile = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

/**
 * Gives a finished folder its name. In one that is there already, only the files of the new model and the weights of
 * the old one are replaced; what else lies in it stays. @throws as publish
 */
export async function publishFolder(folder: string, target: OutputTarget): Promise<void> {
  await refuseExisting(target);
  const there = await readdir(target.output).catch(() => null);
  if (there === null || there.length === 0) return rename(folder, target.output);
  const made = await readdir(folder);
  const isStale = (name: string): boolean => weightsFile.test(name) && !made.includes(name);
  for (const name of made) await rename(path.join(folder, name), path.join(target.output, name));
  for (const name of there.filter(isStale)) await rm(path.join(target.output, name));
}

/** Keeps a complete file or folder that was not proved, beside where it would have gone; returns its name. */
export async function keepUnproved(file: string, { output }: OutputTarget): Promise<string> {
  const kept = await keptName(`${output}.unproved`);
  await rename(file, kept);
  return kept;
}

/** An earlier file or model of this name is replaced; a folder of the user's is not, and a number is put behind. */
async function keptName(name: string, number = 1): Promise<string> {
  const candidate = number === 1 ? name : `${name}-${number}`;
  const earlier = await stat(candidate).catch(() => null);
  if (!earlier?.isDirectory()) return candidate;
  if (!(await isOurFolder(candidate))) return keptName(name, number + 1);
  await rm(candidate, { recursive: true });
  return candidate;
}
