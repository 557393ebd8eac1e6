// Numbers for people, in the chosen language: counts with separators, sizes, times, rates, small losses with a fixed number of figures.
import type { Progress } from '../../src-main/contract/progress.ts';
import * as plain from '../../src-main/contract/units.ts';
import { useWords } from './words.ts';

const words = useWords();

export function formatCount(value: number): string {
  // Progress of several passes counts in parts of a token.
  return value.toLocaleString(words.numbers.locale, { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** With the language's decimal mark. */
export function formatFixed(value: number, decimals: number): string {
  return localised(value.toFixed(decimals));
}

/** With as many decimals as it needs: for the ticks of an axis. */
export const formatPlain = (value: number): string => localised(`${Number(value.toPrecision(6))}`);

/** With two figures and a power of ten: `1.2e−5`. */
export const formatScientific = (value: number): string => localised(value.toExponential(1).replace('e-', 'e−'));

function localised(text: string): string {
  return text.replace(/(?<=\d)\.(?=\d)/, words.numbers.decimalMark);
}

/** A file's size, in powers of 1000: `18.7 GB`. */
export const formatFileSize = (bytes: number): string => localised(plain.formatFileSize(bytes));

/** A memory size, in powers of 1024: `22.8 GiB`. */
export const formatMemory = (bytes: number): string => localised(plain.formatMemory(bytes));

/** A share as a percentage with two figures: `12%`, `4.2%`, `0.03%`. */
export function formatShare(share: number): string {
  const percent = Number((share * 100).toPrecision(2)); // 9.99 counts as 10
  if (percent > 0 && percent < 0.001) return words.numbers.percent(`<${formatFixed(0.001, 3)}`);
  const decimals = percent === 0 || percent >= 10 ? 0 : percent >= 1 ? 1 : percent >= 0.1 ? 2 : 3;
  return words.numbers.percent(formatFixed(percent, decimals));
}

/** `8 s`, `6 min`, `2 h 5 min`. */
export const formatDuration = (seconds: number): string => plain.formatDuration(seconds);

/** `6.8 million`, `32.8 billion`. */
export function formatParameters(count: number): string {
  if (count >= 1e9) return words.numbers.billion(formatFixed(count / 1e9, 1));
  if (count >= 1e6) return words.numbers.million(formatFixed(count / 1e6, 1));
  return formatCount(count);
}

/** `4,096` and, where it is a whole number of k, `16k`. */
export function formatContext(tokens: number): string {
  return tokens >= 8192 && tokens % 1024 === 0 ? `${tokens / 1024}k` : formatCount(tokens);
}

const fileUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const memoryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Formats sizes in the one unit that suits `largest`, so that the parts of a bar compare at a glance: `20.6 GiB`, `0.20 GiB`; what
 * would be nothing in it, in its own. */
export function sizeFormat(kind: 'file' | 'memory', largest: number): (bytes: number) => string {
  const { bytes: unit, name } = unitOf(kind, largest);
  return (bytes) => {
    const value = bytes / unit;
    // "0.00 GiB" would be nothing.
    if (value > 0 && value < 0.01 && unit > 1) return sizeFormat(kind, bytes)(bytes);
    return `${unit === 1 ? value : formatFixed(value, value < 10 ? 2 : 1)} ${name}`;
  };
}

/** The unit that suits sizes up to `largest`. */
export function unitOf(kind: 'file' | 'memory', largest: number): { bytes: number; name: string } {
  const [step, units] = kind === 'file' ? [1000, fileUnits] : [1024, memoryUnits];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, largest)) / Math.log(step))));
  return { bytes: step ** power, name: units[power]! };
}

/** The memory unit that suits a size. */
export function memoryUnit(bytes: number): { name: string; bytes: number } {
  const power = Math.max(
    0,
    Math.min(memoryUnits.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1024))),
  );
  return { name: memoryUnits[power]!, bytes: 1024 ** power };
}

/** A round number at an axis, with the decimals that it has. */
export const formatTick = (value: number): string => localised(String(Number(value.toPrecision(4))));

/** A KL divergence in nats: two figures below 0.1, three decimals below 1, two from there on. */
export function formatLoss(kld: number): string {
  if (kld === 0) return '0';
  if (kld < 1e-6) return `<${formatFixed(1e-6, 6)}`;
  if (kld < 0.01) return formatPlain(Number(kld.toPrecision(2)));
  return formatFixed(kld, kld < 1 ? 3 : 2);
}

const mostDecimals = 7;

/** Decimals of the error's second figure. */
export function decimalsOf(error: number): number {
  return Math.max(0, Math.min(mostDecimals, 1 - Math.floor(Math.log10(error))));
}

/** `0.2134 ± 0.0051`; what has no error has four figures. */
export function withError(value: number, error: number): string {
  if (error <= 0) return value === 0 ? '0' : formatFixed(value, decimalsOf(Math.abs(value) / 100));
  const decimals = decimalsOf(error);
  return `${formatFixed(value, decimals)} ± ${formatFixed(error, decimals)}`;
}

/** Throughput of a stage, in its own unit; null while it cannot be told. */
export function formatRate({ perSecond, unit }: Progress): string | null {
  if (perSecond === undefined || perSecond <= 0) return null;
  if (unit === 'bytes') return `${formatFileSize(Math.round(perSecond))}/s`;
  if (unit === 'tokens') return words.numbers.tokensPerSecond(formatCount(Math.round(perSecond)));
  return `${perSecond < 10 ? formatFixed(perSecond, 1) : formatCount(Math.round(perSecond))}/s`;
}

/** How far a stage is, in its own unit. */
export function formatAmount({ done, total, unit }: Progress): string {
  if (unit === 'bytes') return words.numbers.of(formatFileSize(done), formatFileSize(total));
  return words.numbers[unit === 'tokens' ? 'ofTokens' : 'of'](formatCount(done), formatCount(total));
}
