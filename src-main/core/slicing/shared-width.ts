// How wide a sliced residual stream becomes. Source: method.md 1.1 and 3: widths are multiples of what the runner's
// types need (256 for k-quants, 32 for the older ones), so the sparsity that results is not quite the one asked for.
import { AppError } from '../../contract/errors.ts';

export interface SlicedWidth {
  width: number;
  /** Share of the hidden size that goes: 1 - width / hiddenSize. */
  sparsity: number;
}

/**
 * The multiple of `round` that is nearest to (1 - sparsity)·hiddenSize, at least one and not above hiddenSize.
 * @throws USAGE when sparsity is not in [0, 1), or `round` is no whole number from 1 to hiddenSize
 */
export function sharedWidth(hiddenSize: number, sparsity: number, round: number): SlicedWidth {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new AppError('USAGE', `The sparsity is ${sparsity}; it has to be at least 0 and below 1.`, { sparsity });
  }
  if (!Number.isInteger(round) || round < 1 || round > hiddenSize) {
    const message = `Widths cannot be multiples of ${round}: expected a whole number from 1 to ${hiddenSize}.`;
    throw new AppError('USAGE', message, { round, hiddenSize });
  }
  const most = Math.floor(hiddenSize / round);
  const multiples = Math.min(most, Math.max(1, Math.round(((1 - sparsity) * hiddenSize) / round)));
  const width = multiples * round;
  return { width, sparsity: 1 - width / hiddenSize };
}

/** @throws USAGE when `width` is no whole number from 1 to `hiddenSize` */
export function requireWidth(width: number, hiddenSize: number): void {
  if (Number.isInteger(width) && width >= 1 && width <= hiddenSize) return;
  const message = `The width is ${width}; it has to be a whole number from 1 to the model's ${hiddenSize}.`;
  throw new AppError('USAGE', message, { width, hiddenSize });
}
