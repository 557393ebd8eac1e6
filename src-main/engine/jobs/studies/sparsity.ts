// What more or less cutting costs, with one width for all sites or with one share of every site's variance.
import path from 'node:path';
import type { SparsityRow } from '../../../contract/study.ts';
import type { WidthSchedule } from '../../../contract/worker/slicing.ts';
import { constantWidth, siteLayout, slicingConfigOf } from '../../../core/slicing/per-block/site-widths.ts';
import { varianceWidths } from '../../../core/slicing/per-block/variance-widths.ts';
import { graphProvider } from '../../stages/device.ts';
import { roundInterval } from '../../stages/per-block-widths.ts';
import type { BlockStatistics, EvenCalibration } from '../../stages/statistics.ts';
import { notePeakMemory, reportAs, stage } from '../context.ts';
import { methodOf, valuesOf } from './check-study.ts';
import { measure, sharedWork, studyCalibration, studyRow, studyStatistics, type Study } from './open-study.ts';
import type { Outcome } from './outcome.ts';
import { possibleWidth, withPerBlock, withShared } from './sliced-models.ts';

export async function studySparsity(study: Study): Promise<Outcome<SparsityRow>> {
  const { recipe } = study;
  const values = valuesOf.sparsity(recipe);
  const even = await studyCalibration(study);
  return methodOf(recipe) === 'per-block' ? perBlockRows(study, values, even) : sharedRows(study, values, even);
}

async function perBlockRows(
  study: Study,
  values: readonly number[],
  { windows, use }: EvenCalibration,
): Promise<Outcome<SparsityRow>> {
  const spectra = sharedWork(study, () => denseSpectra(study, windows));
  study.progress.total = 2 * values.length;
  const rows: SparsityRow[] = [];
  const twins = new Twins();
  const { hiddenSize } = siteLayout(study.decoder);
  for (const value of values) {
    const isTwin = twins.has(value, constantWidth(hiddenSize, value, study.recipe.round ?? roundInterval));
    if (isTwin) study.progress.total -= 1;
    for (const scheduler of isTwin ? (['variance'] as const) : (['constant', 'variance'] as const)) {
      const label = `${value}, ${scheduler}`;
      const make = async () => {
        const { schedule, retained } = await scheduleOf(study, { value, scheduler, spectra });
        return withPerBlock(
          study,
          { windows, schedule, detail: label },
          async ({ path: folder, made: _, ...facts }) => ({
            ...{ value, ...(await measure(study, folder, label)), ...facts, scheduler, retained },
          }),
        );
      };
      rows.push((await studyRow<SparsityRow>(study, { label, windows, make })).row);
    }
  }
  return { rows, skipped: twins.skipped, type: study.recipe.type, calibration: use, shared: perBlockSharing };
}

/** Shares that leave the same width are one row. */
class Twins {
  readonly skipped: Outcome<SparsityRow>['skipped'] = [];
  readonly #byWidth = new Map<number, number>();

  /** Whether an earlier share leaves `width` too; notes it. */
  has(value: number, width: number): boolean {
    const first = this.#byWidth.get(width);
    if (first === undefined) {
      this.#byWidth.set(width, value);
      return false;
    }
    this.skipped.push({ value, reason: `constant widths leave ${width} columns, as ${first} does: see its row` });
    return true;
  }
}

const perBlockSharing = [
  'All rows saw the same calibration samples, which were tokenized once.',
  'The widths of all variance rows come from the spectra of one pass through the dense model.',
  'Every row has a calibration pass of its own for its bases: what a site sees depends on how the sites before it were cut.',
];

interface Asked {
  value: number;
  scheduler: SparsityRow['scheduler'];
  spectra: () => Promise<Float64Array[]>;
}

async function scheduleOf(
  { recipe, decoder }: Study,
  { value, scheduler, spectra }: Asked,
): Promise<{ schedule: WidthSchedule; retained: number | null }> {
  const round = recipe.round ?? roundInterval;
  const { sliceHead } = recipe;
  if (scheduler === 'constant') return { schedule: { scheduler, sparsity: value, round, sliceHead }, retained: null };
  const layout = siteLayout(decoder);
  const { widths, retained } = varianceWidths(layout, await spectra(), { sparsity: value, round, sliceHead });
  return { schedule: { scheduler: 'explicit', widths: slicingConfigOf(layout, widths, sliceHead) }, retained };
}

async function denseSpectra({ context, recipe, source }: Study, windows: Int32Array[]): Promise<Float64Array[]> {
  return stage(context, 'calibrate', async () => {
    const provider = await graphProvider(context, recipe.device);
    const { spectra, peakMemoryBytes } = await context.worker((client) =>
      client.siteSpectra(
        {
          ...{ source: source.path, windows, threads: context.threads, provider },
          ...{ signals: recipe.signals ?? 'raw', paperCompat: recipe.paperCompat },
          scratch: path.join(context.scratch, 'spectra'),
        },
        { signal: context.signal, onProgress: reportAs(context, 'calibrate', 'spectra of the dense model') },
      ),
    );
    notePeakMemory(context, peakMemoryBytes);
    return spectra;
  });
}

async function sharedRows(
  study: Study,
  values: readonly number[],
  even: EvenCalibration,
): Promise<Outcome<SparsityRow>> {
  const { recipe } = study;
  const { windows, use } = even;
  const statistics = sharedWork(study, () => studyStatistics(study, even));
  study.progress.total = values.length;
  const rows: SparsityRow[] = [];
  const skipped: Outcome<SparsityRow>['skipped'] = [];
  const twins = new Twins();
  for (const value of values) {
    const width = possibleWidth(study, value, study.recipe.type);
    if (typeof width === 'number' && twins.has(value, width)) {
      study.progress.total -= 1;
      continue;
    }
    if (typeof width === 'string') {
      skipped.push({ value, reason: width });
      study.progress.total -= 1;
      continue;
    }
    const make = () => sharedRow(study, { value, width, statistics });
    rows.push((await studyRow<SparsityRow>(study, { label: `${value}, constant`, windows, make })).row);
  }
  const shared = [
    'One calibration pass served all rows: a shared rotation is found on the dense model, whatever is cut behind.',
    'There are no variance rows: a shared rotation has one width for the whole model.',
  ];
  return { rows, skipped: [...skipped, ...twins.skipped], type: recipe.type, calibration: use, shared };
}

interface SharedRow {
  value: number;
  width: number;
  statistics: () => Promise<BlockStatistics>;
}

async function sharedRow(study: Study, { value, width, statistics }: SharedRow) {
  const detail = String(value);
  const request = { statistics: await statistics(), width, type: study.recipe.type, detail };
  return withShared(study, request, async ({ path: file, made: _, ...facts }) => ({
    ...{ value, ...(await measure(study, file, detail)), ...facts },
    ...{ scheduler: 'constant' as const, retained: null },
  }));
}
