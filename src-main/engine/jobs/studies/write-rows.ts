// The rows of a study as a file: the whole result as JSON, or one line per row as CSV.
import path from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { StudyRecipe } from '../../../contract/recipe.ts';
import { rowsAsCsv } from '../../../contract/study-rows.ts';
import type { StudyResult } from '../../../contract/study.ts';
import { replaceFile } from '../../library/study-store.ts';
import { checkAnyOutput } from '../output-paths.ts';

/** Refuses a file that cannot be written, before any work. @throws USAGE, OUTPUT_EXISTS, FILE_NOT_FOUND, NOT_WRITABLE */
export async function checkRowsFile({ output, force, model }: StudyRecipe): Promise<void> {
  if (output === null) return;
  if (!/\.(json|csv)$/i.test(output)) {
    const message = `${output} ends in neither .json nor .csv: the rows of a study are written as one of these.`;
    throw new AppError('USAGE', message, { output });
  }
  await checkAnyOutput({ output, force }, [model]);
}

/** @throws DISK_FULL, NOT_WRITABLE */
export async function writeRows(output: string, result: StudyResult): Promise<void> {
  const text = path.extname(output).toLowerCase() === '.csv' ? rowsAsCsv(result.rows) : JSON.stringify(result, null, 2);
  await replaceFile(output, `${text}\n`).catch((error: unknown) => {
    throw AppError.from(error);
  });
}
