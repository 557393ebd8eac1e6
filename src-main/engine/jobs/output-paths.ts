// Names of an output on its way: a file has its final name only once it is complete and proved.
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Proof } from '../../contract/results.ts';
import { claimPart, partPath, releasePart, sweepParts } from '../../core/formats/part-files.ts';

/** A file that is being made for `output`; unique to this process, and swept by the next one when this one dies. */
export function unfinishedName(output: string, candidate?: number): string {
  return partPath(path.resolve(candidate === undefined ? output : `${output}.candidate-${candidate}`));
}

/** Refuses an output that would overwrite something, before any work. @throws OUTPUT_EXISTS, FILE_NOT_FOUND, USAGE */
export async function checkOutput(output: string, model: string, force: boolean): Promise<void> {
  const full = path.resolve(output);
  if (full === path.resolve(model))
    throw new AppError('USAGE', 'The output cannot be the model itself: choose another name.', { output });
  if (!/\.gguf$/i.test(output)) throw new AppError('USAGE', `The output must end in .gguf: ${output}.`, { output });
  const folder = path.dirname(full);
  if (!existsSync(folder))
    throw new AppError('FILE_NOT_FOUND', `The folder ${folder} does not exist: create it first.`, { path: folder });
  refuseExisting(output, force);
  const busy = await sweepParts(full);
  if (busy !== null)
    throw new AppError('OUTPUT_EXISTS', `${output} is being written by another run, as ${busy}.`, {
      output,
      part: busy,
    });
}

function refuseExisting(output: string, force: boolean): void {
  if (existsSync(output) && !force)
    throw new AppError('OUTPUT_EXISTS', `${output} exists already: choose another name or use --force.`, { output });
}

/** Runs `work`, which makes `files`; whatever of them is left under those names afterwards goes. */
export async function cleaning<T>(files: readonly string[], work: () => Promise<T>): Promise<T> {
  files.forEach(claimPart);
  try {
    return await work();
  } finally {
    for (const file of files) {
      releasePart(file);
      await rm(file, { force: true });
      await sweepParts(file); // of a worker that was killed
    }
  }
}

/** Gives a finished file its name, unless its proof failed. @throws PROOF_FAILED with the proof; the file is kept as NAME.unproved */
export async function publish(
  file: string,
  { output, force }: { output: string; force: boolean },
  proof: Proof | undefined,
): Promise<void> {
  if (proof && !proof.passed) {
    const kept = `${output}.unproved`;
    await rename(file, kept);
    throw new AppError('PROOF_FAILED', `The file did not pass its proof: ${proof.reason}. It was kept as ${kept}.`, {
      proof,
      path: kept,
    });
  }
  refuseExisting(output, force);
  await rename(file, output);
}
