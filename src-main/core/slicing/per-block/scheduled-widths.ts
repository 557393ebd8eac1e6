// From what a user asks for to the width of every site.
import type { SlicingConfig } from '../../../contract/results.ts';
import type { WidthSchedule } from '../../../contract/worker/slicing.ts';
import { constantWidth, constantWidths, siteLayout, siteWidths, slicingConfigOf } from './site-widths.ts';
import type { SiteLayout } from './site-widths.ts';
import { siteSpectra, varianceWidths } from './variance-widths.ts';

export interface ScheduledWidths {
  widths: SlicingConfig;
  /** Mean of 1 - width / D over the sites that are cut. */
  sparsity: number;
  /** The share of its energy that every site keeps at least; null where widths were not made of it. */
  retained: number | null;
}

/** Widths of a schedule; `variance` runs the dense model first. @throws USAGE as siteWidths; as siteSpectra */
export async function scheduledWidths(
  schedule: WidthSchedule,
  options: Parameters<typeof siteSpectra>[0],
): Promise<ScheduledWidths> {
  const layout = siteLayout(options.decoder);
  if (schedule.scheduler === 'explicit') {
    const sites = siteWidths(schedule.widths, layout);
    const sparsity = meanSparsity(layout, sites, schedule.widths.do_slice_head);
    return { widths: schedule.widths, sparsity, retained: null };
  }
  const { sliceHead } = schedule;
  const width = constantWidth(layout.hiddenSize, schedule.sparsity, schedule.round);
  if (schedule.scheduler === 'constant') {
    const sites = constantWidths(layout, width, sliceHead);
    const sparsity = meanSparsity(layout, sites, sliceHead);
    return { widths: slicingConfigOf(layout, sites, sliceHead), sparsity, retained: null };
  }
  const progress: typeof options.progress = (report) => options.progress({ ...report, stage: 'calibrate' });
  const spectra = await siteSpectra({ ...options, progress });
  const { widths, sparsity, retained } = varianceWidths(layout, spectra, schedule);
  return { widths: slicingConfigOf(layout, widths, sliceHead), sparsity, retained };
}

/** Mean of 1 - width / D over the sites that are cut. */
export function meanSparsity({ hiddenSize }: SiteLayout, widths: readonly number[], sliceHead: boolean): number {
  const cut = sliceHead ? widths : widths.slice(0, -1);
  return cut.reduce((sum, width) => sum + 1 - width / hiddenSize, 0) / cut.length;
}
