// How much text a slice needs: the same cut, calibrated on more and more samples.
import type { CalibrationSizeRow } from '../../../contract/study.ts';
import { stage } from '../context.ts';
import { methodOf, valuesOf } from './check-study.ts';
import { nestedCalibration } from './nested-calibration.ts';
import { measure, studyRow, studyStatistics, type Study } from './open-study.ts';
import type { Outcome } from './outcome.ts';
import { withSliced } from './sliced-models.ts';

export async function studyCalibrationSize(study: Study): Promise<Outcome<CalibrationSizeRow>> {
  const { context, recipe, source } = study;
  const sizes = valuesOf['calibration-size'](recipe);
  const nested = await stage(context, 'tokenize', () => nestedCalibration(context, source, recipe, sizes.at(-1)!));
  const measured = sizes.filter((size, index) => size <= nested.samples || (sizes[index - 1] ?? 0) < nested.samples);
  const skipped = sizes
    .filter((size) => !measured.includes(size))
    .map((value) => ({
      value,
      reason: `the text has ${nested.samples} samples of this length: the row of ${measured.at(-1)!} has them all`,
    }));
  study.progress.total = measured.length;
  const rows: CalibrationSizeRow[] = [];
  for (const value of measured) {
    const { windows, use } = nested.take(value);
    const label = `${value} samples`;
    const statistics = () => studyStatistics(study, { windows, use });
    const make = () =>
      withSliced(study, { windows, statistics, detail: label }, async ({ path, made: _, ...facts }) => ({
        ...{ value, ...(await measure(study, path, label)), ...facts },
        ...{ samples: use.samples, tokens: use.tokens },
      }));
    rows.push((await studyRow<CalibrationSizeRow>(study, { label, windows, make })).row);
  }
  return { rows, skipped, type: recipe.type, calibration: null, shared: sentences(study) };
}

function sentences({ recipe }: Study): string[] {
  const notShared =
    methodOf(recipe) === 'per-block'
      ? 'Every size has a calibration pass of its own: what a site sees depends on how the sites before it were cut, and those cuts on the samples.'
      : 'Every size has a calibration pass of its own, which is kept and serves later slices.';
  return ['The samples of a smaller set are the first ones of every larger set; they were tokenized once.', notShared];
}
