// Widths for cutting again a model that was sliced block by block, and whether it can be.
import { AppError } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import { requireWidth } from '../shared-width.ts';
import type { SliceProvenance } from './provenance.ts';
import { siteLayout, siteWidths, slicingConfigOf } from './site-widths.ts';
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
  if (widths.every((narrow, site) => narrow === decoder.widths[site])) throw nothingToCut(decoder, width, cutsHead);
  return slicingConfigOf(layout, widths, cutsHead);
}

function nothingToCut({ model, widths, config }: SlicedDecoder, width: number, cutsHead: boolean): AppError {
  const widest = Math.max(...(cutsHead ? widths : widths.slice(0, -1)));
  const head = widths.at(-1)!;
  const isHeadLeft = !cutsHead && head > width;
  const where = isHeadLeft ? `No site of ${model.path} but its head` : `No site of ${model.path}`;
  const more = shareAbove(widest, config.hiddenSize);
  const advice = `ask for a --width below ${widest}, or a --sparsity above ${more}`;
  const headAdvice = isHeadLeft ? `, or add --slice-head to cut the head too, which is ${head} wide` : '';
  const message = `${where} is wider than ${width}, the widest being ${widest}: ${advice}${headAdvice}.`;
  return new AppError('USAGE', message, { width, widest, head });
}

/** The share that a width leaves out, rounded up: what is above it makes the width narrower. */
const shareAbove = (width: number, hiddenSize: number): number => Math.ceil((1 - width / hiddenSize) * 1e4) / 1e4;

/** The widths of all sites that a slicing asks for. @throws USAGE naming the site whose width is above the model's; as siteWidths */
export function requireNarrower(decoder: SlicedDecoder, slicing: SlicingConfig): number[] {
  const widths = siteWidths(slicing, siteLayout(decoder));
  const wide = widths.findIndex((width, site) => width > decoder.widths[site]!);
  if (wide === -1) return widths;
  const message = `Site ${wide} is ${decoder.widths[wide]} wide, less than the ${widths[wide]} that are asked for: a slice can only become narrower.`;
  throw new AppError('USAGE', message, { site: wide, width: decoder.widths[wide], wanted: widths[wide] });
}

/**
 * How a model was sliced whose directions are sorted at every site, so that leading ones may be kept and the others left out.
 * Only those of PCA are: a turn mixes what is kept evenly, and what a cut then takes is no longer the least of it.
 * @throws USAGE
 */
export function requireSorted({ model, provenance }: Pick<SlicedDecoder, 'model' | 'provenance'>): SliceProvenance {
  if (provenance?.orientation === 'pca') return provenance;
  const why = provenance
    ? `it was sliced with --orientation ${provenance.orientation}, which mixes the directions of every site, so that the last ones are not the least`
    : 'its config.json does not say that it was sliced with --orientation pca (a folder of an earlier build or of another program), and other directions are not sorted';
  const message = `${model.path} cannot be cut again: ${why}. Slice the dense model to the width that is wanted.`;
  throw new AppError('USAGE', message, { path: model.path, orientation: provenance?.orientation ?? null });
}
