// Slicing and quantising together: which of both gives the least loss for its bytes.
import { AppError } from '../../../contract/errors.ts';
import { frontOf } from '../../../contract/study-rows.ts';
import { usualTypes, type CombinationRow } from '../../../contract/study.ts';
import { findMix } from '../../../core/quantization/mixes.ts';
import type { BlockStatistics } from '../../stages/statistics.ts';
import { findTypes } from '../../stages/mix-types.ts';
import { floatTypeOf } from '../../stages/slice.ts';
import { makeFile } from '../make-file.ts';
import { valuesOf } from './check-study.ts';
import {
  measure,
  sharedWork,
  studyCalibration,
  studyRow,
  studyStatistics,
  withScratch,
  type MadeRow,
  type Study,
} from './open-study.ts';
import type { Outcome } from './outcome.ts';
import { possibleWidth, withShared } from './sliced-models.ts';

interface Cell {
  value: number;
  type: string;
  width: number;
}

export async function studyCombination(study: Study): Promise<Outcome<CombinationRow>> {
  const { cells, skipped } = cellsOf(study);
  const even = await studyCalibration(study);
  const { windows, use } = even;
  const statistics = sharedWork(study, () => studyStatistics(study, even));
  study.progress.total = cells.length;
  const rows: CombinationRow[] = [];
  for (const cell of cells) {
    const label = `${cell.value}, ${cell.type}`;
    const make = () => combinationRow(study, cell, statistics);
    try {
      rows.push((await studyRow<CombinationRow>(study, { label, windows, make })).row);
    } catch (error) {
      skipped.push({ value: label, reason: reasonOf(error) });
      study.progress.total -= 1;
    }
  }
  const front = frontOf(rows);
  const sorted = rows
    .map((row) => ({ ...row, onFront: front.has(row) }))
    .toSorted((a, b) => a.fileBytes - b.fileBytes || a.kld - b.kld);
  const shared = [
    'One calibration pass served all rows: the basis of every width, and the importance that every type is rounded by.',
    'Rows that cut nothing are plain quantisation.',
  ];
  return { rows: sorted, skipped, type: null, calibration: use, shared };
}

/** A type that llama.cpp cannot make of a model is one row less; everything else ends the study. */
function reasonOf(error: unknown): string {
  const failure = AppError.from(error);
  if (['LLAMA_FAILED', 'IMPORTANCE_MISSING', 'UNSUPPORTED_TYPE', 'USAGE'].includes(failure.code))
    return failure.message;
  throw failure;
}

/** What can be made, and why the rest cannot. @throws USAGE on types that do not exist */
function cellsOf(study: Study): { cells: Cell[]; skipped: Outcome<CombinationRow>['skipped'] } {
  const { recipe, decoder } = study;
  const names = [...new Set((recipe.types ?? usualTypes).map((type) => findMix(type).name))];
  const cells: Cell[] = [];
  const skipped: Outcome<CombinationRow>['skipped'] = [];
  for (const value of valuesOf.combination(recipe)) {
    for (const type of names) {
      const skip = (reason: string): void => void skipped.push({ value: `${value}, ${type}`, reason });
      if (value === 0) {
        cells.push({ value, type, width: decoder.config.hiddenSize });
        continue;
      }
      const width = possibleWidth(study, value, type);
      const twin = cells.find((cell) => cell.type === type && cell.width === width);
      if (typeof width === 'string') skip(width);
      else if (twin) skip(`rounded to what ${type} can have, the width is ${width}, as at ${twin.value}.`);
      else cells.push({ value, type, width });
    }
  }
  return { cells, skipped };
}

async function combinationRow(
  study: Study,
  { value, type, width }: Cell,
  statistics: () => Promise<BlockStatistics>,
): Promise<MadeRow<CombinationRow>> {
  const label = `${value}, ${type}`;
  const row = { value, type, width, onFront: false };
  if (value === 0) return { ...row, ...(await wholeRow(study, type, await statistics())) };
  const request = { statistics: await statistics(), width, type, detail: label };
  return withShared(study, request, async ({ path, sparsity, parametersAfter, fileBytes }) => ({
    ...{ ...row, ...(await measure(study, path, label)), sparsity, parametersAfter, fileBytes },
  }));
}

/** Quantised as it is. */
async function wholeRow(study: Study, type: string, { importance }: BlockStatistics) {
  const { context, source } = study;
  const isFloat = floatTypeOf(type) !== null;
  const { types, fileType } = await findTypes(context, source, { name: type, pure: false, importance: !isFloat });
  return withScratch(study, 'quantized.gguf', async (output) => {
    const { fileBytes } = await makeFile(context, {
      ...{ source: source.path, output, types, fileType, importance: isFloat ? null : importance, detail: type },
    });
    const figures = await measure(study, output, type);
    return { ...figures, sparsity: 0, parametersAfter: source.parameters, fileBytes };
  });
}
