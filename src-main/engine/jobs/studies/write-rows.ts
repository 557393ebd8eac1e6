// The rows of a study as a file: the whole result as JSON, or one line per row as CSV.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { StudyRecipe } from '../../../contract/recipe.ts';
import { rowsAsCsv } from '../../../contract/study-rows.ts';
import type { StudyResult } from '../../../contract/study.ts';
import type { Naming } from '../own-output.ts';
import { checkAnyOutput, cleaning, unfinishedName } from '../output-paths.ts';
import { publishAnew, type OutputTarget } from '../publish.ts';

/** Refuses a file that cannot be written, before any work. @throws USAGE, OUTPUT_EXISTS, FILE_NOT_FOUND, NOT_WRITABLE */
export async function checkRowsFile({ output, force, model }: StudyRecipe): Promise<void> {
  if (output === null) return;
  if (!/\.(json|csv)$/i.test(output)) {
    const message = `${output} ends in neither .json nor .csv: the rows of a study are written as one of these.`;
    throw new AppError('USAGE', message, { output });
  }
  await checkAnyOutput({ output, force }, [model]);
}

/** Writes the rows under the target's name. @throws OUTPUT_EXISTS, DISK_FULL, NOT_WRITABLE */
export async function writeRows(target: OutputTarget, result: StudyResult, naming: Naming): Promise<void> {
  const isCsv = path.extname(target.output).toLowerCase() === '.csv';
  const text = isCsv ? rowsAsCsv(result.rows) : JSON.stringify(result, null, 2);
  const file = unfinishedName(target.output);
  await cleaning([file], async () => {
    await writeFile(file, `${text}\n`);
    await publishAnew(file, target, naming);
  }).catch((error: unknown) => {
    throw AppError.from(error);
  });
}
