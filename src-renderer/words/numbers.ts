// Numbers for people: counts with separators, parameters, rates, small losses with a fixed number of figures.
import { formatFileSize } from '../../src-main/contract/units.ts';
import type { Progress } from '../../src-main/contract/progress.ts';

const grouped = new Intl.NumberFormat('en-US');

export function formatCount(value: number): string {
  return grouped.format(value);
}

/** `6.8 million`, `32.8 billion`. */
export function formatParameters(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} million`;
  return formatCount(count);
}

/** `4,096` and, where it is a whole number of k, `16k`. */
export function formatContext(tokens: number): string {
  return tokens >= 8192 && tokens % 1024 === 0 ? `${tokens / 1024}k` : formatCount(tokens);
}

const fileUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const memoryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Formats sizes in the one unit that suits `largest`, so that the parts of a bar compare at a glance: `20.6 GiB`, `0.20 GiB`. */
export function sizeFormat(kind: 'file' | 'memory', largest: number): (bytes: number) => string {
  const [step, units] = kind === 'file' ? [1000, fileUnits] : [1024, memoryUnits];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, largest)) / Math.log(step))));
  return (bytes) => {
    const value = bytes / step ** power;
    return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`;
  };
}

/** A KL divergence in nats: three decimals, two from 1 on. */
export function formatLoss(kld: number): string {
  if (kld === 0) return '0';
  if (kld < 0.0005) return '<0.001';
  return kld.toFixed(kld < 1 ? 3 : 2);
}

/** Throughput of a stage, in its own unit; null while it cannot be told. */
export function formatRate({ perSecond, unit }: Progress): string | null {
  if (perSecond === undefined || perSecond <= 0) return null;
  if (unit === 'bytes') return `${formatFileSize(Math.round(perSecond))}/s`;
  if (unit === 'tokens') return `${formatCount(Math.round(perSecond))} tokens/s`;
  return `${perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond))}/s`;
}

/** How far a stage is, in its own unit. */
export function formatAmount({ done, total, unit }: Progress): string {
  if (unit === 'bytes') return `${formatFileSize(done)} of ${formatFileSize(total)}`;
  const what = unit === 'tokens' ? ' tokens' : '';
  return `${formatCount(done)} of ${formatCount(total)}${what}`;
}
