// What a run may write to, and the names of an output on its way.
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart, sweepParts, type PartRole } from '../../core/formats/part-files.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import type { WorkerClient } from '../children.ts';
import { dataOf } from './output-files.ts';
import { outputForm } from './output-names.ts';
import { refuseExisting, type OutputTarget } from './publish.ts';

/** A file that is being made for `output`; unique to this process, and swept by the next one when this one dies. */
export function unfinishedName(output: string, role?: PartRole): string {
  return partPath(path.resolve(output), role);
}

/**
 * Refuses, before any work, an output that would overwrite something; one that is an input is refused even with force.
 * @throws OUTPUT_EXISTS, USAGE
 */
export async function checkOutput({ output, force }: OutputTarget, inputs: readonly string[]): Promise<void> {
  if (outputForm(output) !== 'gguf')
    throw new AppError('USAGE', `The output must end in .gguf: ${output}.`, { output });
  await checkAnyOutput({ output, force }, inputs);
}

/** The same for an output of any form. */
export async function checkAnyOutput(target: OutputTarget, inputs: readonly string[]): Promise<void> {
  await refuseInputs(target.output, inputs);
  await refuseExisting(target);
}

/** Compares files and not names: links lead to the same file. @throws USAGE */
export async function refuseInputs(output: string, inputs: readonly string[]): Promise<void> {
  for (const written of isOnnxFile(output) ? [output, dataOf(output)] : [output]) await refuseInput(written, inputs);
}

async function refuseInput(output: string, inputs: readonly string[]): Promise<void> {
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

/** A task that makes all of `output`, a folder or a file with an unfinished name: what a worker that was killed at it left goes first. */
export function makingAnew<T>(
  output: string,
  task: (client: WorkerClient) => Promise<T>,
): (client: WorkerClient) => Promise<T> {
  return async (client) => {
    for (const left of [output, dataOf(output)]) await rm(left, { recursive: true, force: true });
    return task(client);
  };
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
