// The files that a recipe reads, each known by its size, by its content as far as that is quick to tell, and by the stamps
// that a file system sets by itself.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Recipe } from '../../contract/recipe.ts';
import { withPaths } from '../../contract/recipe-paths.ts';
import { sha256OfFile } from '../library/file-hash.ts';
import { sampledHashOf } from '../library/model-hash.ts';
import { filesOf } from '../stages/open.ts';

export const inputFile = z.object({
  path: z.string(),
  bytes: z.number(),
  /** For people: when it was written last, which programs that copy files set as they like (cp -p, rsync -t). */
  modified: z.string(),
  /** With it the time of the last change of any kind, and the file's number, which no program sets (stat(2): st_ctim, st_ino). */
  stamp: z.string(),
  /** Of 16 pieces. */
  sample: z.string(),
  /** Of all of it; null while that is not known. */
  sha256: z.string().nullable(),
});
export type InputFile = z.infer<typeof inputFile>;

/** A file of this size is hashed in a tenth of a second. */
const quicklyHashed = 2 ** 26;

/** All files that the recipe names and that are there, once each; what is missing is told when it is opened. */
export async function inputsOf(recipe: Recipe): Promise<InputFile[]> {
  const named: Promise<string[]>[] = [];
  withPaths(recipe, (file, setting) => {
    const isModel = setting === 'model' || setting === 'against' || setting === 'tokenizer';
    if (setting !== 'output') named.push((isModel ? filesOf(file) : textFiles(file)).catch(() => []));
    return file;
  });
  const files = new Set((await Promise.all(named)).flat().map((file) => path.resolve(file)));
  const found: InputFile[] = [];
  for (const file of files) found.push(...(await inputAt(file).catch(() => [])));
  return found;
}

/** The file, or those of a folder of texts. */
async function textFiles(file: string): Promise<string[]> {
  if (!(await stat(file)).isDirectory()) return [file];
  return (await readdir(file)).toSorted().map((name) => path.join(file, name));
}

/** None where it is no file. */
async function inputAt(file: string): Promise<InputFile[]> {
  const found = await stat(file);
  if (!found.isFile()) return [];
  const stamp = await stampOf(file);
  const { hash: sample, bytes } = await sampledHashOf([file]);
  const sha256 = bytes <= quicklyHashed ? await sha256OfFile(file) : null;
  return [{ path: file, bytes, modified: found.mtime.toISOString(), stamp, sample, sha256 }];
}

/** Equal ones show that nobody wrote to the file since. */
export async function stampOf(file: string): Promise<string> {
  const { mtimeNs, ctimeNs, ino } = await stat(file, { bigint: true });
  return [mtimeNs, ctimeNs, ino].join(' ');
}

/** What a file is now, compared with what it was: the same with all that is known of it, another, or one that may be. */
export type Compared = { is: 'same'; file: InputFile } | { is: 'other' | 'doubtful'; what: string };

/** Reads all of a file only where its stamp does not show that it is the same. */
export async function compareInput(
  was: InputFile,
  is: InputFile | undefined,
  hash: (file: InputFile) => Promise<string>,
): Promise<Compared> {
  if (!is) return { is: 'other', what: `${was.path} is gone` };
  if (is.bytes !== was.bytes) return { is: 'other', what: `${was.path} had ${was.bytes} bytes and has ${is.bytes}` };
  const other: Compared = { is: 'other', what: `the content of ${was.path} was changed` };
  if (is.sample !== was.sample) return other;
  const isUntouched = is.stamp === was.stamp;
  if (isUntouched && is.sha256 === null) return { is: 'same', file: { ...is, sha256: was.sha256 } };
  if (was.sha256 === null)
    return { is: 'doubtful', what: `${was.path} was touched, and all of it had not been read yet` };
  const sha256 = is.sha256 ?? (await hash(is));
  return sha256 === was.sha256 ? { is: 'same', file: { ...is, sha256 } } : other;
}
