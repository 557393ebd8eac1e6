// What making a plan costs: seconds, memory and disk, by the same model as a job before it starts (stage-work.ts).
import type { Plan, SliceStep } from '../../contract/plan.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { estimate, type Machine } from './estimate.ts';
import {
  evaluateWork,
  importanceWork,
  quantizeWork,
  sharedSliceWork,
  statisticsWork,
  weightsOf,
  type ModelSize,
} from './stage-work.ts';

export interface CostFacts {
  /** null where the header does not say enough for time and memory. */
  size: ModelSize | null;
  machine: Machine;
  threads: number;
  /** Whether the file is made with importance. */
  importance: boolean;
}

/** Text that calibration and evaluation read where nobody says otherwise: all of the bundled one, and 8 windows of 2048. */
const calibration = { tokens: 48e3, window: 2048 };
const evaluation = { tokens: 16384, window: 2048 };

export interface PlannedWork {
  tensors: readonly TensorEntry[];
  fileBytes: number;
  slice: SliceStep | null;
}

/** Calibrated, made and measured once, with the settings that a fit has by itself. */
export function costOf(
  { size, machine, threads, importance }: CostFacts,
  { tensors, fileBytes, slice }: PlannedWork,
): Plan['cost'] {
  if (size === null) return { seconds: 0, peakMemoryBytes: 0, diskBytes: fileBytes };
  const file = { bytes: fileBytes, weights: weightsOf(tensors) };
  const making = slice
    ? [statisticsWork(size, calibration), sharedSliceWork(size, file)]
    : [...(importance ? [importanceWork(size, calibration)] : []), quantizeWork(size, file)];
  const measuring = evaluateWork({ models: [size, size], text: evaluation, engine: 'onnx', expanded: 0 });
  const { seconds, peakMemoryBytes } = estimate([...making, measuring], machine, threads);
  return { seconds: Math.round(seconds.likely), peakMemoryBytes, diskBytes: fileBytes };
}
