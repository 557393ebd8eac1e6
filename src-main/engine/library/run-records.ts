// The record of a run beside the file that it made, NAME.recipe.json: what was asked for and what came of it, for people
// and for a history that has to be made again.
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

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

/** Writes the record beside `output` and notes its place. */
export async function writeRecord(home: string, output: string, record: RunRecord): Promise<void> {
  const file = path.resolve(recordPath(output));
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, `${JSON.stringify(record, null, 2)}\n`);
  await rename(part, file);
  await mkdir(home, { recursive: true });
  await appendFile(recordList(home), `${file}\n`);
}

/** @throws for what is no record */
export async function readRecord(file: string): Promise<RunRecord> {
  return runRecord.parse(JSON.parse(await readFile(file, 'utf8')));
}
