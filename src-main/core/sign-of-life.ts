// Signs of life of processes that cannot be judged by their identity (process-identity.ts): who has a file or folder
// touches it, and one that is not touched any more has nobody.
import { stat, utimes } from 'node:fs/promises';

const touchMs = 5000;
/** 12 signs: a machine that swaps, or a slow disk, holds up some of them. */
const silenceMs = 60_000;
/** After a sleep of the machine, or a change of its clock, everything looks old until it is touched again. */
const watchMs = 12_000;

/** Touches `file` from now on; answers what ends it. */
export function keepTouching(file: string): () => void {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined); // gone with its owner's work
  }, touchMs).unref();
  return () => clearInterval(timer);
}

/** Whether somebody touches one of `files`; where none was for a while, it is watched whether that stays so. */
export async function isTouched(files: readonly string[]): Promise<boolean> {
  if (await isYounger(files, silenceMs)) return true;
  await new Promise((resolve) => setTimeout(resolve, watchMs));
  return isYounger(files, silenceMs);
}

/** Whether one of `files` was written to or touched within the last `ms`. */
export async function isYounger(files: readonly string[], ms: number): Promise<boolean> {
  const found = await Promise.all(files.map((file) => stat(file).catch(() => null)));
  return found.some((one) => one !== null && Math.abs(Date.now() - one.mtimeMs) < ms);
}
