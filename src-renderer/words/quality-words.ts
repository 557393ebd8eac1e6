// Loss and quality in plain words. Bounds are rules of thumb over KL divergence (nats per token): measured.md of the project
// and llama.cpp's published tables put Q8_0 near 0.001, Q6_K near 0.005, Q5_K near 0.02, Q4_K near 0.06, Q3_K above 0.1.
import type { Quality } from '../../src-main/contract/results.ts';
import type { Prediction } from '../../src-main/contract/plan.ts';
import { formatLoss } from './numbers.ts';

export type Tone = 'good' | 'careful' | 'bad';

const steps: [below: number, words: string, tone: Tone][] = [
  [0.0005, 'nothing', 'good'],
  [0.01, 'almost nothing', 'good'],
  [0.04, 'little', 'good'],
  [0.12, 'some', 'careful'],
  [0.4, 'much', 'careful'],
  [Infinity, 'too much', 'bad'],
];

export function lossInWords(kld: number): { words: string; tone: Tone } {
  const [, words, tone] = steps.find(([below]) => kld < below)!;
  return { words, tone };
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
  return `picks the same next word as the original ${(share * 100).toFixed(error < 0.5 ? 1 : 0)} times in 100 (± ${error.toFixed(1)})`;
}

/** `perplexity 61.20 → 61.90 (each ± 1.10) on text it has not seen`. */
export function perplexityChange({ dense, compressed }: Quality): string {
  const after = compressed.perplexity.toFixed(2);
  const error = `± ${compressed.standardError.toFixed(2)}`;
  const figures = dense ? `${dense.perplexity.toFixed(2)} → ${after} (each ${error})` : `${after} (${error})`;
  return `perplexity ${figures} on text it has not seen`;
}

/** `loses 0.021 ± 0.002 nats per token; ≈ 0.019 was predicted`. */
export function lossAgainstPrediction(kld: NonNullable<Quality['kld']>, predicted: Prediction | undefined): string {
  const measured = `loses ${formatLoss(kld.mean)} ± ${formatLoss(kld.standardError)} nats per token`;
  return predicted ? `${measured}; ${lossFigure(predicted)} was predicted` : measured;
}

const engineNames = { onnx: 'Snug’s own graphs', 'llama.cpp': 'llama.cpp' } as const;

/** On what, by what and how it was measured: a number is never shown without. */
export function howMeasured({ windows, windowTokens, text, engine, kind }: Quality): string {
  return `measured on ${windows} × ${windowTokens} tokens of “${text}” with ${engineNames[engine]}, ${kind === 'as-run' ? 'as it runs' : 'weights only'}`;
}
