// What a model makes of windows in front of its head, for models as they are and for ones that were sliced block by block.
import type { Decoder } from '../architectures/decoder.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import type { SlicedDecoder } from '../slicing/per-block/sliced-decoder.ts';
import { slicedHiddenStates } from '../slicing/per-block/sliced-forward.ts';
import { slicedHead } from '../slicing/per-block/sliced-head.ts';
import { residualShape } from './embed-windows.ts';
import { forward } from './forward.ts';
import type { ForwardOptions } from './forward.ts';
import type { HeadSource } from './head-slabs.ts';
import type { Residual, ResidualShape } from './residual.ts';

/** A model as it is, or one that was sliced block by block. */
export type RunnableModel = Decoder | SlicedDecoder;
export const isSliced = (model: RunnableModel): model is SlicedDecoder => 'slicing' in model;

/** The head of either kind. */
export const headOf = (model: RunnableModel): HeadSource => (isSliced(model) ? slicedHead(model) : model);

export type HiddenStatesOptions = Pick<
  ForwardOptions,
  'windows' | 'trees' | 'runtime' | 'dequantize' | 'signal' | 'progress'
>;

/** The last residual, [windows · T, D or width], in one that `open` made and that its maker closes. @throws as forward */
export async function hiddenStates(
  model: RunnableModel,
  pass: HiddenStatesOptions,
  open: (shape: ResidualShape) => Promise<Residual>,
): Promise<Residual> {
  if (isSliced(model)) return slicedHiddenStates({ ...pass, decoder: model, openResidual: open });
  const residual = await open(residualShape(model, pass.windows, pass.trees));
  await forward({ ...pass, decoder: model, residual, nll: false });
  return residual;
}

/** Elements of all tensors of the layers: the work that a token is in front of the head. */
export function layerElements({ layers }: RunnableModel): number {
  const entries = layers.flatMap((layer: ReadonlyMap<string, TensorEntry>) => [...layer.values()]);
  return entries.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
