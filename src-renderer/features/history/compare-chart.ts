// Geometry of the comparison: bytes to the right, loss upwards on a logarithmic scale, a point for every run that has both.
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import type { RunRow } from './run-row.ts';

export interface ChartSize {
  width: number;
  height: number;
  margin: { top: number; right: number; bottom: number; left: number };
}

export interface ComparedRun {
  /** A, B, C …: its name in the chart and the tables. */
  letter: string;
  row: RunRow;
}

export interface ChartPoint {
  run: ComparedRun;
  bytes: number;
  loss: number;
  x: number;
  y: number;
  /** Ends of the error bar; equal where there is no error. */
  yLow: number;
  yHigh: number;
  /** No other run is both smaller and closer to the original. */
  isBest: boolean;
}

export interface Chart {
  points: ChartPoint[];
  /** Through the best points, as an SVG path; empty where there are fewer than two. */
  front: string;
  xTicks: { at: number; bytes: number }[];
  yTicks: { at: number; loss: number }[];
}

/** The smallest loss that a logarithmic scale shows; what is less lies on it. */
const leastLoss = 1e-5;

export function lettered(rows: readonly RunRow[]): ComparedRun[] {
  return rows.map((row, index) => ({ row, letter: letterOf(index) }));
}

/** A … Z, then A2, B2 … */
function letterOf(index: number): string {
  const round = Math.floor(index / 26);
  return String.fromCharCode(65 + (index % 26)) + (round === 0 ? '' : String(round + 1));
}

interface Measured {
  run: ComparedRun;
  bytes: number;
  loss: number;
  low: number;
  high: number;
}

/** null where no run has both a size and a loss. */
export function layoutChart(runs: readonly ComparedRun[], { width, height, margin }: ChartSize): Chart | null {
  const measured = runs.flatMap(measuredOf);
  if (measured.length === 0) return null;
  const sizes = measured.map(({ bytes }) => bytes);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const room = Math.max((most - least) * 0.15, most * 0.05);
  const xScale = scaleLinear([Math.max(0, least - room), most + room], [margin.left, width - margin.right]);
  const lows = Math.min(...measured.map(({ low }) => low));
  const highs = Math.max(...measured.map(({ high }) => high));
  const yScale = scaleLog([lows / 1.6, highs * 1.6], [height - margin.bottom, margin.top]);
  const points = measured.map(({ run, bytes, loss, low, high }): ChartPoint => ({
    ...{ run, bytes, loss, x: xScale(bytes), y: yScale(loss), yLow: yScale(low), yHigh: yScale(high) },
    isBest: !measured.some((other) => dominates(other, { bytes, loss })),
  }));
  const best = points.filter(({ isBest }) => isBest).toSorted((a, b) => a.x - b.x);
  return {
    points,
    front:
      best.length < 2
        ? ''
        : (line<ChartPoint>(
            (point) => point.x,
            (point) => point.y,
          )(best) ?? ''),
    xTicks: xScale.ticks(Math.max(2, Math.floor(width / 130))).map((bytes) => ({ at: xScale(bytes), bytes })),
    yTicks: lossTicks(lows / 1.6, highs * 1.6).map((loss) => ({ at: yScale(loss), loss })),
  };
}

function measuredOf(run: ComparedRun): Measured[] {
  const { bytes, loss, lossError } = run.row;
  if (bytes === null || loss === null) return [];
  const shown = Math.max(loss, leastLoss);
  const error = lossError ?? 0;
  return [{ run, bytes, loss: shown, low: Math.max(leastLoss, shown - error), high: shown + error }];
}

const dominates = (other: Measured, { bytes, loss }: { bytes: number; loss: number }): boolean =>
  other.bytes <= bytes && other.loss <= loss && (other.bytes < bytes || other.loss < loss);

/** 1, 2 and 5 of every power of ten; over many powers, the powers alone. */
function lossTicks(from: number, to: number): number[] {
  const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const steps = last - first > 3 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return powers
    .flatMap((power) => steps.map((step) => step * 10 ** power))
    .filter((loss) => loss >= from && loss <= to);
}
