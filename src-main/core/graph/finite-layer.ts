// Looks at what a layer leaves in the residual, so that an overflow is told where it happens and not at the logits.
import { AppError } from '../../contract/errors.ts';
import { firstNonFinite } from '../formats/finite-check.ts';
import { bytesOf } from '../formats/typed-views.ts';

export interface LayerRun {
  /** What the user knows the model by. */
  file: string;
  layer: number;
  /** Row of the residual that `values` begin with; windows follow each other. */
  first: number;
  windowLength: number;
  hiddenSize: number;
}

/** Checks what a layer made, `values` [rows, D]: a pass over them beside D products each. @throws NON_FINITE naming file and layer */
export function requireFinite(values: Float32Array, { file, layer, first, windowLength, hiddenSize }: LayerRun): void {
  const index = firstNonFinite('F32', bytesOf(values));
  if (index === -1) return;
  const row = first + Math.floor(index / hiddenSize);
  const [window, token] = [Math.floor(row / windowLength), row % windowLength];
  const value = String(values[index]);
  const message = `${file}: layer ${layer} (counted from 0) is the first to give ${value}, for token ${token} of window ${window}: its weights, or their float32 sums, are not usable.`;
  throw new AppError('NON_FINITE', message, { file, layer, window, token, value });
}
