// Every method of the worker.
import type { HandlersOf } from '../contract/define-api.ts';
import type { WorkerApi } from '../contract/worker-api.ts';
import { blockLogProbs } from './tasks/block-log-probs.ts';
import { blockStatistics, calibrationFingerprint } from './tasks/block-statistics.ts';
import { checkWeights } from './tasks/check-weights.ts';
import { compareBlocks } from './tasks/compare-blocks.ts';
import { compareLogits } from './tasks/compare-logits.ts';
import { convert } from './tasks/convert.ts';
import { exportModel } from './tasks/export-model.ts';
import { generate } from './tasks/generate.ts';
import { identify } from './tasks/identify.ts';
import { invariance } from './tasks/invariance.ts';
import { measureMachine } from './tasks/measure-machine.ts';
import { narrowSliced } from './tasks/narrow-sliced.ts';
import { probeProvider } from './tasks/probe-provider.ts';
import { quantize } from './tasks/quantize.ts';
import { scoreBlocks } from './tasks/score-blocks.ts';
import { slicePerBlock } from './tasks/slice-per-block.ts';
import { siteSpectra } from './tasks/site-spectra.ts';
import { sliceHeader, sliceShared } from './tasks/slice-shared.ts';
import { timeModel } from './tasks/time-model.ts';
import { writeImportance } from './tasks/write-importance.ts';

export const handlers = {
  identify,
  probeProvider,
  quantize,
  writeImportance,
  checkWeights,
  convert,
  calibrationFingerprint,
  blockStatistics,
  sliceShared,
  sliceHeader,
  slicePerBlock,
  siteSpectra,
  narrowSliced,
  exportModel,
  invariance,
  compareBlocks,
  compareLogits,
  blockLogProbs,
  scoreBlocks,
  generate,
  timeModel,
  measureMachine,
} satisfies HandlersOf<WorkerApi>;
