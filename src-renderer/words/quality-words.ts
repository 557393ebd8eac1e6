// Loss and quality in plain words. Bounds are rules of thumb over KL divergence (nats per token): measured.md of the project
// and llama.cpp's published tables put Q8_0 near 0.001, Q6_K near 0.005, Q5_K near 0.02, Q4_K near 0.06, Q3_K above 0.1.
import type { Quality } from '../../src-main/contract/results.ts';
import type { Prediction } from '../../src-main/contract/plan.ts';
import { formatFixed, formatLoss } from './numbers.ts';
import { useWords, type Words } from './words.ts';

export type Tone = 'good' | 'careful' | 'bad';

const words = useWords();

const steps: [below: number, name: keyof Words['quality']['losses'], tone: Tone][] = [
  [0.01, 'almostNothing', 'good'],
  [0.04, 'little', 'good'],
  [0.12, 'some', 'careful'],
  [0.4, 'much', 'careful'],
  [Infinity, 'tooMuch', 'bad'],
];

export function lossInWords(kld: number): { words: string; tone: Tone } {
  if (kld === 0) return { words: words.quality.losses.nothing, tone: 'good' };
  const [, name, tone] = steps.find(([below]) => kld < below)!;
  return { words: words.quality.losses[name], tone };
}

/** `almost nothing (≈ 0.0013)`. */
export function lossWithFigure(prediction: Prediction): string {
  const { words: loss } = lossInWords(prediction.kld);
  return prediction.kld === 0 ? loss : `${loss} (${lossFigure(prediction)})`;
}

/** `≈ 0.021` for a prediction, `0.021` for a measurement. */
export function lossFigure({ kld, basis }: Prediction): string {
  return basis === 'measured' || kld === 0 ? formatLoss(kld) : `≈ ${formatLoss(kld)}`;
}

/** `0.007 – 0.063`; empty where there is nothing to be unsure of. */
export function lossRange({ kldLow, kldHigh }: Prediction): string {
  return kldLow === kldHigh ? '' : `${formatLoss(kldLow)} – ${formatLoss(kldHigh)}`;
}

/** Agreement of the next word: times in a hundred, with the binomial standard error over the tokens measured. */
export function nextWordAgreement(quality: Quality): string | null {
  const { topOneAgreement: share, topOneStandardError = 0 } = quality;
  if (share === undefined) return null;
  const error = topOneStandardError * 100;
  return words.quality.nextWord(formatFixed(share * 100, error < 0.5 ? 1 : 0), formatFixed(error, 1));
}

/** `Perplexity 61.20 ± 1.05 → 61.90 ± 1.10 on text it has not seen`. */
export function perplexityChange({ dense, compressed }: Quality): string {
  const [before, after] = [dense && withError(dense), withError(compressed)];
  return before === undefined ? words.quality.perplexity(after) : words.quality.perplexityChange(before, after);
}

const withError = ({ perplexity, standardError }: Quality['compressed']): string =>
  `${formatFixed(perplexity, 2)} ± ${formatFixed(standardError, 2)}`;

/** On what, by what and how it was measured: a number is never shown without. */
export function howMeasured({ windows, windowTokens, text, engine, kind }: Quality): string {
  const { engines, kinds, measuredOn } = words.quality;
  return measuredOn({ windows, windowTokens, text, engine: engines[engine], kind: kinds[kind] });
}
