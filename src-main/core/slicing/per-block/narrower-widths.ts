// Widths for cutting again a model that was sliced block by block.
import { AppError } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import { requireWidth } from '../shared-width.ts';
import { siteLayout, slicingConfigOf } from './site-widths.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';

/**
 * One width at every site that is wider; sites that are narrower already stay. The last one stays D where the head is not
 * cut. @throws USAGE where nothing would become narrower
 */
export function narrowerWidths(decoder: SlicedDecoder, width: number, sliceHead: boolean): SlicingConfig {
  const layout = siteLayout(decoder);
  requireWidth(width, layout.hiddenSize);
  const cutsHead = sliceHead || decoder.slicing.do_slice_head;
  const last = decoder.widths.length - 1;
  const widths = decoder.widths.map((own, site) => (site === last && !cutsHead ? own : Math.min(own, width)));
  if (widths.every((narrow, site) => narrow === decoder.widths[site])) {
    const message = `No site of ${decoder.model.path} is wider than ${width}: ask for a narrower one.`;
    throw new AppError('USAGE', message, { width, widest: Math.max(...decoder.widths) });
  }
  return slicingConfigOf(layout, widths, cutsHead);
}
