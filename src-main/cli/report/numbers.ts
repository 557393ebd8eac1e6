// Numbers as people read them: units always, ± where measured, ≈ where predicted.
import type { Prediction } from '../../contract/plan.ts';
import type { Quality } from '../../contract/results.ts';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `1,204` */
export function count(value: number): string {
  return whole.format(value);
}

/** `6.8 million`, `32.8 billion` */
export function largeCount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} billion`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} million` : count(value);
}

/** `3 windows`, `1 window` */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `11.1 %` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A divergence or ratio with four decimals. */
export function loss(value: number): string {
  return value.toFixed(4);
}

/** `0.02130 ± 0.00040`: two digits of the error decide how many the value has. */
export function measured(value: number, standardError: number): string {
  const decimals = standardError > 0 ? Math.min(9, Math.max(0, 1 - Math.floor(Math.log10(standardError)))) : 4;
  return `${value.toFixed(decimals)} ± ${standardError.toFixed(decimals)}`;
}

/** `≈0.0213`; a measured loss has no ≈, and what changes nothing loses nothing. */
export function shortLoss({ kld, basis }: Prediction): string {
  if (kld === 0) return 'none';
  return `${basis === 'measured' ? '' : '≈'}${loss(kld)}`;
}

/** `≈0.0213 (0.0150 to 0.0300), perplexity ×≈1.0210`; a measured plan has no ≈ and no range. */
export function predictedLoss(predicted: Prediction): string {
  if (predicted.kld === 0) return 'none';
  if (predicted.basis === 'measured') return `${loss(predicted.kld)}, perplexity ×${loss(predicted.perplexityRatio)}`;
  return `≈${loss(predicted.kld)} (${loss(predicted.kldLow)} to ${loss(predicted.kldHigh)}), perplexity ×≈${loss(predicted.perplexityRatio)}`;
}

/** `picks the same next word as the original 93 times in 100` */
export function agreement(share: number): string {
  const same = 'picks the same next word as the original';
  if (share >= 1) return `${same} every time`;
  const outOf = [100, 1000, 10_000].find((total) => Math.round(share * total) < total);
  return outOf === undefined ? `${same} nearly every time` : `${same} ${count(share * outOf)} times in ${count(outOf)}`;
}

const engineNames = { onnx: "Snug's own graphs", 'llama.cpp': 'llama.cpp' } as const;

/** `llama.cpp, weights only`; an ONNX file runs itself, in onnxruntime. */
export function measuredBy(quality: Quality): string {
  return `${runnerOf(quality)}, ${quality.kind === 'weights-only' ? 'weights only' : 'as run'}`;
}

function runnerOf({ engine, dense, onnxFiles = [] }: Quality): string {
  if (onnxFiles.length === 0) return engineNames[engine];
  if (onnxFiles.length === 2) return 'onnxruntime running both ONNX files themselves';
  if (!dense) return 'onnxruntime running the ONNX file itself';
  const [file, other] = onnxFiles[0] === 'dense' ? ['original', 'model'] : ['model', 'original'];
  return `onnxruntime running the ONNX file of the ${file} itself, the ${other} by ${engineNames[engine]}`;
}
