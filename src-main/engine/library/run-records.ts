// The record of a run beside the file that it made, NAME.recipe.json: what was asked for and what came of it, for people
// and for a history that has to be made again.
import { appendFile, lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { partPath } from '../../core/formats/part-files.ts';

export const runRecord = z.object({
  run: z.string(),
  recipe: z.looseObject({ verb: z.string(), model: z.string() }),
  created: z.string(),
  finished: z.string(),
  versions: z.record(z.string(), z.string()),
  result: z.unknown(),
});
export type RunRecord = z.infer<typeof runRecord>;

/** The record of the run that made `output`. */
export const recordPath = (output: string): string => `${output}.recipe.json`;

/** Where the engine notes the paths of all records, a line each. */
export const recordList = (home: string): string => path.join(home, 'records.txt');

/** Writes the record beside `output`, over that of another run, and notes its place. @throws OUTPUT_EXISTS where another file has its name */
export async function writeRecord(home: string, output: string, record: RunRecord): Promise<void> {
  const file = path.resolve(recordPath(output));
  await refuseForeign(file);
  const part = partPath(file);
  try {
    await writeFile(part, `${JSON.stringify(record, null, 2)}\n`);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await mkdir(home, { recursive: true });
  await appendFile(recordList(home), `${file}\n`);
}

async function refuseForeign(file: string): Promise<void> {
  if (!(await lstat(file).catch(() => null)) || (await recordIn(file))) return;
  throw new AppError('OUTPUT_EXISTS', `${file} is there already and is no record of a run, so it stays.`, {
    output: file,
  });
}

/** Removes the record beside `output` where it is that of `run`; anything else stays. */
export async function removeRecord(output: string, run: string): Promise<void> {
  const file = recordPath(output);
  if ((await recordIn(file))?.run === run) await rm(file);
}

const recordIn = (file: string): Promise<RunRecord | null> => readRecord(file).catch(() => null);

/** @throws for what is no record */
export async function readRecord(file: string): Promise<RunRecord> {
  return runRecord.parse(JSON.parse(await readFile(file, 'utf8')));
}
