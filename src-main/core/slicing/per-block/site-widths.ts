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
  // Rounded down, so that it leaves a width for certain.
  const most = Math.floor((1 - round / hiddenSize) * 1e4) / 1e4;
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
 * @throws USAGE naming the key: widths that do not meet, that are missing, or of another model
 */
export function siteWidths(config: SlicingConfig, layout: SiteLayout): number[] {
  const { const_dimension: constant, do_slice_head: sliceHead } = config;
  if (constant !== null && Object.keys(config.embedding_dimensions).length === 0) {
    return constantWidths(layout, constant, sliceHead);
  }
  const steps = stepsPerLayer(layout.blockLayout);
  const widths = [config.embedding_dimensions['0'] ?? NaN];
  for (let layer = 0; layer < layout.numHiddenLayers; layer += 1) {
    if (steps === 2) widths.push(config.attention_output_dimensions[layer] ?? NaN);
    widths.push(config.mlp_output_dimensions[layer] ?? NaN);
  }
  if (!sliceHead && widths.at(-1) !== layout.hiddenSize) {
    refuse('mlp_output_dimensions', `${layout.hiddenSize} at the last layer: its head is not sliced`, widths.at(-1));
  }
  // Every other key says again what these say.
  const expected = slicingConfigOf(layout, widths, sliceHead);
  for (const key of Object.keys(expected) as (keyof SlicingConfig)[]) {
    if (key === 'const_dimension') continue;
    const [want, have] = [JSON.stringify(expected[key]), JSON.stringify(config[key])];
    if (want !== have) refuse(key, want, have);
  }
  for (const width of widths) requireWidth(width, layout.hiddenSize);
  return widths;
}

function refuse(key: string, expected: string, actual: unknown): never {
  const message = `The slicing's widths do not meet: ${key} is ${String(actual)}, expected ${expected}.`;
  throw new AppError('USAGE', message, { key, expected, actual });
}
