// Widths of a per-block slice. The residual stream is cut at sites: the embedding, then what each step of a layer leaves
// (attention, then MLP; in a parallel block both at once). Step s leads from site s to site s + 1, so the widths of all
// sites say everything that SliceGPT's SlicingConfig says (method.md 1.1). Letters: D hidden size, L layers.
import { AppError } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import type { BlockLayout } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { requireWidth } from '../shared-width.ts';

export interface SiteLayout {
  hiddenSize: number;
  numHiddenLayers: number;
  blockLayout: BlockLayout;
  /** Tables that the first residual is a sum of: 2 where positions are learned. @default 1 */
  embeddingTables?: number;
}

/** Where the stream of an open model is cut. */
export function siteLayout({ architecture, config }: Pick<Decoder, 'architecture' | 'config'>): SiteLayout {
  const { hiddenSize, numHiddenLayers } = config;
  const embeddingTables = architecture.positions.kind === 'learned' ? 2 : 1;
  return { hiddenSize, numHiddenLayers, blockLayout: architecture.blockLayout, embeddingTables };
}

/** Steps of one layer. */
export const stepsPerLayer = (layout: BlockLayout): 1 | 2 => (layout === 'sequential' ? 2 : 1);

/** Names of all sites in order: 2L + 1, or L + 1 of parallel blocks. */
export function siteNames({ numHiddenLayers, blockLayout }: SiteLayout): string[] {
  const steps = blockLayout === 'sequential' ? ['attn_out', 'mlp_out'] : ['out'];
  const layers = Array.from({ length: numHiddenLayers }, (_, layer) => steps.map((step) => `layer${layer}.${step}`));
  return ['embed', ...layers.flat()];
}

/** The width that a share of the hidden size leaves: floor((1 - sparsity)·D), down to a multiple of `round`. @throws USAGE */
export function constantWidth(hiddenSize: number, sparsity: number, round: number): number {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new AppError('USAGE', `The sparsity is ${sparsity}; it has to be at least 0 and below 1.`, { sparsity });
  }
  if (!Number.isInteger(round) || round < 1) {
    throw new AppError('USAGE', `Widths cannot be multiples of ${round}: expected a whole number from 1.`, { round });
  }
  const width = Math.floor((1 - sparsity) * hiddenSize);
  const rounded = width - (width % round);
  if (rounded < 1) throw nothingLeft({ hiddenSize, sparsity, round, width });
  return rounded;
}

/** `width`: what the share leaves, not yet a multiple of `round`. */
function nothingLeft(asked: { hiddenSize: number; sparsity: number; round: number; width: number }): AppError {
  const { hiddenSize, sparsity, round, width } = asked;
  // Rounded down; one step below where a float's last digit would leave no width (1 - 0.9998 of 5000 is below 1).
  const share = Math.floor((1 - round / hiddenSize) * 1e4);
  const most = (Math.floor((1 - share / 1e4) * hiddenSize) < round ? share - 1 : share) / 1e4;
  const advice = [
    ...(round <= hiddenSize ? [`a --sparsity of at most ${most}`] : []),
    ...(width > 0 ? [`a --round of at most ${width}`] : []),
  ];
  const message = `A sparsity of ${sparsity} leaves ${width} of the model's ${hiddenSize} columns, and widths are multiples of ${round} (--round), so no width is left: ask for ${advice.join(' or ') || 'less --sparsity and a smaller --round'}.`;
  return new AppError('USAGE', message, asked);
}

/** One width at every site; the last one keeps D unless the head is sliced. */
export function constantWidths(layout: SiteLayout, width: number, sliceHead: boolean): number[] {
  requireWidth(width, layout.hiddenSize);
  const widths = siteNames(layout).map(() => width);
  if (!sliceHead) widths[widths.length - 1] = layout.hiddenSize;
  return widths;
}

/** The SlicingConfig of the widths of all sites. */
export function slicingConfigOf(layout: SiteLayout, widths: readonly number[], sliceHead: boolean): SlicingConfig {
  const { hiddenSize, numHiddenLayers, blockLayout, embeddingTables = 1 } = layout;
  const steps = stepsPerLayer(blockLayout);
  const perLayer = (first: number): Record<string, number> =>
    Object.fromEntries(
      Array.from({ length: numHiddenLayers }, (_, layer) => [String(layer), widths[layer * steps + first]!]),
    );
  const isParallel = blockLayout === 'parallel';
  return {
    hidden_size: hiddenSize,
    layers_num: numHiddenLayers,
    do_slice_head: sliceHead,
    parallel_blocks: isParallel,
    embedding_dimensions: Object.fromEntries(
      Array.from({ length: embeddingTables }, (_, table) => [String(table), widths[0]!]),
    ),
    attention_input_dimensions: perLayer(0),
    attention_output_dimensions: isParallel ? {} : perLayer(1),
    mlp_input_dimensions: isParallel ? {} : perLayer(1),
    mlp_output_dimensions: perLayer(steps),
    head_dimension: widths.at(-1)!,
    const_dimension: null,
  };
}

/**
 * The widths of all sites that a SlicingConfig asks for.
 * @throws USAGE naming the key: of another model, a width that is missing or impossible, or widths that do not meet
 */
export function siteWidths(config: SlicingConfig, layout: SiteLayout): number[] {
  const { hiddenSize, numHiddenLayers, blockLayout } = layout;
  const { const_dimension: constant, do_slice_head: sliceHead } = config;
  // First the model's own sizes: of another model, every width would be wrong.
  refuseOther(config, {
    hidden_size: hiddenSize,
    layers_num: numHiddenLayers,
    parallel_blocks: blockLayout === 'parallel',
  });
  if (constant !== null && Object.keys(config.embedding_dimensions).length === 0) {
    return constantWidths(layout, checkedWidth(constant, 'const_dimension', hiddenSize), sliceHead);
  }
  const names = siteNames(layout);
  const widths: number[] = [];
  const add = (key: WidthKey, entry: number): void => {
    const name = `${key}.${entry} (site ${names[widths.length]})`;
    widths.push(checkedWidth(config[key][entry], name, hiddenSize));
  };
  add('embedding_dimensions', 0);
  for (let layer = 0; layer < numHiddenLayers; layer += 1) {
    if (stepsPerLayer(blockLayout) === 2) add('attention_output_dimensions', layer);
    add('mlp_output_dimensions', layer);
  }
  if (!sliceHead && widths.at(-1) !== hiddenSize) {
    const key = `mlp_output_dimensions.${numHiddenLayers - 1}`;
    refuse(key, `${hiddenSize}, as the head is not sliced`, widths.at(-1));
  }
  // Every other key says again what these say.
  const { const_dimension: _, ...expected } = slicingConfigOf(layout, widths, sliceHead);
  refuseOther(config, expected);
  return widths;
}

type WidthKey = 'embedding_dimensions' | 'attention_output_dimensions' | 'mlp_output_dimensions';

function checkedWidth(width: number | undefined, key: string, hiddenSize: number): number {
  if (width !== undefined && Number.isInteger(width) && width >= 1 && width <= hiddenSize) return width;
  return refuse(key, `a whole number from 1 to the model's ${hiddenSize}`, width);
}

/** @throws USAGE naming the first key, and of widths per layer the first layer, that is not as expected */
function refuseOther(config: SlicingConfig, expected: Partial<SlicingConfig>): void {
  type Entry = [name: string, value: number | boolean | null];
  const entriesOf = (value: SlicingConfig[keyof SlicingConfig], key: string): Entry[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([entry, width]) => [`${key}.${entry}`, width])
      : [[key, value]];
  for (const key of Object.keys(expected) as (keyof SlicingConfig)[]) {
    const have = new Map(entriesOf(config[key], key));
    const wanted = new Map(entriesOf(expected[key]!, key));
    const wrong = [...wanted.keys(), ...have.keys()].find((entry) => wanted.get(entry) !== have.get(entry));
    if (wrong !== undefined) refuse(wrong, String(wanted.get(wrong) ?? 'none'), have.get(wrong));
  }
}

function refuse(key: string, expected: string, found?: number | boolean | null): never {
  const actual = String(found ?? 'none');
  const message = `The slicing's widths are not the model's, or do not meet: ${key} is ${actual}, expected ${expected}.`;
  throw new AppError('USAGE', message, { key, expected, actual });
}
