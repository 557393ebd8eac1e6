// What a run gives its output's name, noted just before it does. A run that is killed before its end is in the history finds
// its own output there when it is taken up again: it makes it once more, and is done where both are the same bytes. What
// holds times is never the same twice: it takes the name from what still has the checksum that was noted.
import { lstat, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Recipe } from '../../contract/recipe.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import { sha256OfFile } from '../library/file-hash.ts';
import { dataOf } from './output-files.ts';

/** How a run gives its output a name. */
export interface Naming {
  /** The file of the run's note. */
  note: string;
  /** An earlier attempt of the run gave the name: it may be taken, by the same bytes or from what that attempt made. */
  isNamed: boolean;
}

const stampList = z.array(z.string());
const noted = z.union([
  z.object({
    stamps: stampList,
    /** Of files that another attempt makes with other bytes. */
    sha256: z.array(z.string()),
  }),
  // Of before checksums were noted.
  stampList.transform((stamps) => ({ stamps, sha256: [] as string[] })),
]);

/**
 * Notes the files or the folder that are about to get a name; `hashed` are noted with their checksums. A note that cannot
 * be written costs only what it is for.
 */
export async function noteOutput(note: string, made: readonly string[], hashed: readonly string[] = []): Promise<void> {
  try {
    const sha256 = await Promise.all(hashed.map((file) => sha256OfFile(file)));
    const known = { stamps: await stampsOf([...made, ...hashed]), sha256 };
    await mkdir(path.dirname(note), { recursive: true });
    await writeFile(note, JSON.stringify(known), { flush: true });
  } catch {
    // The disk of the user data is full or only reads: a kill in the next moments leaves an output that has to be renamed.
  }
}

/**
 * Whether what has the recipe's output's name looks like what the run put there, so that the work may be done again. Only
 * its bytes can show that it is: they are compared before anything is done to it (publish.ts).
 */
export async function hasNamedOutput(note: string, recipe: Recipe): Promise<boolean> {
  if (!('output' in recipe) || recipe.output === null || !('force' in recipe) || recipe.force) return false;
  const { output } = recipe;
  try {
    const { stamps } = await readNote(note);
    const found = await stampsOf(isOnnxFile(output) ? [output, dataOf(output)] : [output]);
    return found.length > 0 && found.every((stamp) => stamps.includes(stamp));
  } catch {
    return false; // no note, or a torn one
  }
}

/** Whether a file has the bytes of one that was noted with its checksum. */
export async function isNoted(note: string, file: string): Promise<boolean> {
  try {
    return (await readNote(note)).sha256.includes(await sha256OfFile(file));
  } catch {
    return false;
  }
}

const readNote = async (note: string): Promise<z.infer<typeof noted>> =>
  noted.parse(JSON.parse(await readFile(note, 'utf8')));

/** Of those that are there: what a rename leaves as it is. */
async function stampsOf(files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(files.map((file) => lstat(file, { bigint: true }).catch(() => null)));
  return found.flatMap((one) => (one ? [[one.dev, one.ino, one.size, one.mtimeNs].join(' ')] : []));
}

/** Whether `there` is a file with the bytes of `made`, or a folder with all files of it; it may have others besides. */
export async function hasSameBytes(made: string, there: string): Promise<boolean> {
  const [one, other] = await Promise.all([made, there].map((file) => lstat(file).catch(() => null)));
  if (one?.isDirectory() && other?.isDirectory()) {
    for (const name of await readdir(made)) {
      if (!(await hasSameBytes(path.join(made, name), path.join(there, name)))) return false;
    }
    return true;
  }
  if (!one?.isFile() || !other?.isFile() || one.size !== other.size) return false;
  return (await sha256OfFile(made)) === (await sha256OfFile(there));
}
