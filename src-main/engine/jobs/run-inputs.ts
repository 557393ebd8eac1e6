// The inputs of a run as they were when it began: a run that is taken up again must find the same content. Where that cannot
// be told, nothing that an earlier attempt left is used.
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { sha256OfFile } from '../library/file-hash.ts';
import { compareInput, inputFile, inputsOf, stampOf, type InputFile } from './input-files.ts';
import type { JobFolder } from './job-folder.ts';

export interface RunInputs {
  files: readonly InputFile[];
  /** Why what an earlier attempt left is not used, for people; null where it is, or there was none. */
  startedOver: string | null;
  /** Nothing tells of the inputs of an earlier attempt, if there was one. */
  isUnknown: boolean;
}

interface CheckOptions {
  isResumed: boolean;
  signal: AbortSignal;
  report: (progress: Progress) => void;
}

const inputsFile = (checkpoints: string): string => path.join(checkpoints, 'inputs.json');

/**
 * Notes the inputs of a run that begins; of one that is taken up again, checks them, and removes what was finished of
 * inputs that are not known any more. @throws INPUTS_CHANGED with what changed, CANCELLED
 */
export async function checkInputs(
  { checkpoints }: JobFolder,
  recipe: Recipe,
  options: CheckOptions,
): Promise<RunInputs> {
  const now = await inputsOf(recipe);
  const before = options.isResumed ? await readInputs(checkpoints) : null;
  const damaged = 'What the run knew of its inputs was damaged';
  const { files, doubts } =
    before === 'damaged' ? { files: now, doubts: [damaged] } : await compared(before ?? now, now, options);
  if (doubts.length > 0) await rm(checkpoints, { recursive: true, force: true });
  await writeInputs(checkpoints, files);
  if (doubts.length === 0) return { files, startedOver: null, isUnknown: before === null };
  const message = `${doubts.join('; ')}: nothing that was finished before was used, and the run started over.`;
  return { files, startedOver: message, isUnknown: false };
}

/** What was noted; null where there is nothing. */
async function readInputs(checkpoints: string): Promise<InputFile[] | 'damaged' | null> {
  const names = await readdir(checkpoints).catch(() => []);
  if (names.every((name) => name.endsWith('.part'))) return null; // an attempt that was killed as it began
  try {
    return z.array(inputFile).parse(JSON.parse(await readFile(inputsFile(checkpoints), 'utf8')));
  } catch {
    return 'damaged'; // torn by a power cut, or of another version
  }
}

/** Appears whole. */
async function writeInputs(checkpoints: string, files: readonly InputFile[]): Promise<void> {
  await mkdir(checkpoints, { recursive: true });
  const part = `${inputsFile(checkpoints)}.${process.pid}.part`;
  const handle = await open(part, 'w');
  try {
    await handle.writeFile(JSON.stringify(files));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, inputsFile(checkpoints));
}

/** The inputs with all that is known of them, and what may have changed. @throws INPUTS_CHANGED */
async function compared(
  before: readonly InputFile[],
  now: readonly InputFile[],
  { signal, report }: CheckOptions,
): Promise<{ files: InputFile[]; doubts: string[] }> {
  const hash = ({ path: file, bytes }: InputFile): Promise<string> =>
    sha256OfFile(file, {
      signal,
      onProgress: (done) => report({ stage: 'checksum', detail: file, done, total: bytes, unit: 'bytes' }),
    });
  const byPath = new Map(now.map((is) => [is.path, is]));
  const found = [];
  for (const was of before) found.push(await compareInput(was, byPath.get(was.path), hash));
  const known = new Set(before.map(({ path: file }) => file));
  const added = now.filter((is) => !known.has(is.path)).map((is) => `${is.path} was added`);
  refuseChanged([...found.flatMap((one) => (one.is === 'other' ? [one.what] : [])), ...added]);
  const doubts = found.flatMap((one) => (one.is === 'doubtful' ? [one.what] : []));
  return {
    files: doubts.length > 0 ? [...now] : found.flatMap((one) => (one.is === 'same' ? [one.file] : [])),
    doubts,
  };
}

/** @throws INPUTS_CHANGED where there are changes */
export function refuseChanged(changes: readonly string[]): void {
  if (changes.length === 0) return;
  const message = `The run cannot go on, because what it works on is not the same any more: ${changes.join('; ')}. Start it anew: what was saved of a calibration is used again where it still holds.`;
  throw new AppError('INPUTS_CHANGED', message, { changes });
}

/** What is shorter is done again sooner than its inputs are read for the sake of a later attempt. */
const worthKeepingMs = 15_000;

/**
 * Reads large inputs whole and notes their checksums, beside the job and once it runs for long: by them a file that was only
 * touched is known again. Ends early, and never fails, when `signal` is aborted.
 */
export async function keepChecksums(
  { checkpoints }: JobFolder,
  inputs: readonly InputFile[],
  signal: AbortSignal,
  waitMs = worthKeepingMs,
): Promise<void> {
  const files = [...inputs];
  try {
    if (files.every(({ sha256 }) => sha256 !== null)) return;
    await delay(waitMs, undefined, { signal, ref: false });
    for (const [index, input] of files.entries()) {
      if (input.sha256 !== null) continue;
      const sha256 = await sha256OfFile(input.path, { signal });
      if ((await stampOf(input.path)) !== input.stamp) continue; // written to meanwhile
      files[index] = { ...input, sha256 };
      await writeInputs(checkpoints, files);
    }
  } catch {
    // The job ended, or a file is gone, which whoever opens it tells.
  }
}
