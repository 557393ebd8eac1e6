// What float32 costs: the same cut with Grams and eigenproblems in three precisions.
import type { Precision } from '../../../contract/recipe.ts';
import type { PcaPrecisionRow } from '../../../contract/study.ts';
import type { PerBlockMade } from '../../stages/per-block.ts';
import { valuesOf } from './check-study.ts';
import { measure, studyCalibration, studyRow, type Study } from './open-study.ts';
import type { Outcome } from './outcome.ts';
import { cutOf, withPerBlock } from './sliced-models.ts';

export async function studyPcaPrecision(study: Study): Promise<Outcome<PcaPrecisionRow>> {
  const { recipe } = study;
  const values = valuesOf['pca-precision'](recipe);
  const { windows, use } = await studyCalibration(study);
  study.progress.total = values.length;
  const rows: PcaPrecisionRow[] = [];
  let reference: number[][] | null = null;
  for (const value of values) {
    const make = async () => precisionRow(study, { value, windows, reference });
    const made = await studyRow<PcaPrecisionRow>(study, { label: value, windows, make });
    rows.push(made.row);
    reference ??= made.eigenvalues; // fp64 comes first
  }
  return { rows, skipped: [], type: recipe.type, calibration: use, shared };
}

interface PrecisionRequest {
  value: Precision;
  windows: readonly Int32Array[];
  /** Of fp64; null where this is it. */
  reference: number[][] | null;
}

async function precisionRow(study: Study, { value, windows, reference }: PrecisionRequest) {
  const request = { windows, schedule: await cutOf(study), precision: value, eigenvalues: true, detail: value };
  return withPerBlock(study, request, async ({ path, made, sparsity, parametersAfter, fileBytes }) => ({
    ...{ value, ...(await measure(study, path, value)), sparsity, parametersAfter, fileBytes },
    orthogonality: Math.max(...made.sites.map((site) => site.orthogonality)),
    eigenvalueError: eigenvalueError(made, reference),
    ...(reference === null && { eigenvalues: spectraOf(made) }),
  }));
}

/** Of every site, without the damping. */
const spectraOf = ({ eigenvalues }: PerBlockMade): number[][] =>
  eigenvalues!.map(({ values, damping }) => Array.from(values, (value) => value - damping));

/** The largest difference of a site's eigenvalues, as a share of its largest eigenvalue. */
function eigenvalueError(
  made: PerBlockMade,
  reference: readonly (readonly number[])[] | null,
): PcaPrecisionRow['eigenvalueError'] {
  const spectra = spectraOf(made);
  const errors = made.sites.map(({ name }, index) => {
    const found = spectra[index]!;
    const expected = reference?.[index] ?? found;
    const differences = expected.map((value, place) => Math.abs(found[place]! - value));
    return { name, error: Math.max(...differences) / expected[0]! };
  });
  const worst = errors.reduce((most, site) => (site.error > most.error ? site : most));
  return { firstSite: errors[0]!.error, largest: worst.error, site: worst.name };
}

const shared = [
  'All precisions saw the same calibration samples, which were tokenized once.',
  'Every precision has a calibration pass of its own: what a site sees depends on the bases of the sites before it. Only at the first site do all see the same residual, so that there the eigenvalues differ by arithmetic alone; at the others the difference of the residuals is in them too.',
];
