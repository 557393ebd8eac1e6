// Scales of charts: how values become places, and which of them get a label.
import { scaleLinear, scaleLog } from 'd3-scale';

export interface ChartScale {
  /** Place of a value, from 0 to the length that it was made for. */
  place: (value: number) => number;
  /** Values with a label. */
  ticks: readonly number[];
}

/** From 0 to a round number above `most`. */
export function zeroScale(most: number, [from, to]: readonly [number, number], labels: number): ChartScale {
  const scale = scaleLinear([0, most > 0 ? most : 1], [from, to]).nice(labels);
  return { place: (value) => scale(value), ticks: scale.ticks(labels) };
}

/** From `least` to `most` as they are. */
export function plainScale(
  [least, most]: readonly [number, number],
  [from, to]: readonly [number, number],
  labels: number,
): ChartScale {
  const scale = scaleLinear([least, most > least ? most : least + 1], [from, to]);
  return { place: (value) => scale(value), ticks: scale.ticks(labels) };
}

/** Logarithmic; values below `least` stand at its place. Labels are powers of ten, at most `labels` of them. */
export function logScale(
  [least, most]: readonly [number, number],
  [from, to]: readonly [number, number],
  labels: number,
): ChartScale {
  const scale = scaleLog([least, Math.max(most, least * 10)], [from, to]).clamp(true);
  const powers: number[] = [];
  for (let power = Math.ceil(Math.log10(least) - 1e-9); 10 ** power <= most * (1 + 1e-9); power += 1)
    powers.push(power);
  const every = Math.max(1, Math.ceil(powers.length / labels));
  const ticks = powers.filter((_power, index) => (powers.length - 1 - index) % every === 0).map((power) => 10 ** power);
  return { place: (value) => scale(value), ticks };
}

/** Logarithmic over a span that is its own: labels at 1, 2 and 5 of every power of ten, over many powers at these alone. */
export function fineLogScale(
  [least, most]: readonly [number, number],
  [from, to]: readonly [number, number],
): ChartScale {
  const scale = scaleLog([least, most], [from, to]);
  const steps = most / least > 1000 ? [1] : [1, 2, 5];
  const first = Math.floor(Math.log10(least));
  const powers = Array.from({ length: Math.ceil(Math.log10(most)) - first + 1 }, (_, index) => first + index);
  const ticks = powers
    .flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
    .filter((value) => value >= least && value <= most);
  return { place: (value) => scale(value), ticks };
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** `1`, `10⁻⁴`: an exact power of ten. */
export function powerOfTen(value: number): string {
  const power = Math.round(Math.log10(value));
  if (power >= -1 && power <= 3) return String(Number(value.toPrecision(1)));
  const digits = String(Math.abs(power)).replaceAll(/\d/g, (digit) => superscripts[Number(digit)]!);
  return `10${power < 0 ? '⁻' : ''}${digits}`;
}
