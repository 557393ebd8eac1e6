// What was lost, measured, and what had been predicted.
import type { Prediction } from '../../../src-main/contract/plan.ts';
import type { Quality } from '../../../src-main/contract/results.ts';
import { withError } from '../../words/numbers.ts';
import { lossFigure, lossRange } from '../../words/quality-words.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

export interface LossFigures {
  measured: { mean: number; standardError: number };
  /** null where none was made: a plan that was measured among several has its measurement in its place. */
  predicted: { kld: number; low: number; high: number } | null;
  inWords: string;
  /** Whether it came as expected. */
  verdict: string;
}

export function lossOf({ kld }: Quality, prediction: Prediction | null): LossFigures | null {
  if (!kld) return null;
  const measured = { mean: kld.mean, standardError: kld.standardError };
  const loss = withError(kld.mean, kld.standardError);
  if (prediction === null || prediction.basis === 'measured')
    return { measured, predicted: null, inWords: words.quality.loses(loss), verdict: '' };
  const predicted = { kld: prediction.kld, low: prediction.kldLow, high: prediction.kldHigh };
  const inWords = words.report.prediction(lossFigure(prediction), lossRange(prediction), loss);
  return { measured, predicted, inWords, verdict: words.report.verdictOnPrediction[sideOf(measured, predicted)] };
}

function sideOf(
  { mean, standardError }: LossFigures['measured'],
  { low, high }: NonNullable<LossFigures['predicted']>,
): keyof typeof words.report.verdictOnPrediction {
  if (mean - standardError > high) return 'worse';
  return mean + standardError < low ? 'better' : 'inside';
}
