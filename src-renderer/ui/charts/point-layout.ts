// Geometry of a chart of measured points: where points, error bars, lines and labels stand.
import { line } from 'd3-shape';
import { fineLogScale, plainScale, zeroScale, type ChartScale } from './scales.ts';

/** Series differ in shape as well as in colour. */
export type PointMark = 'dot' | 'square' | 'bar';

export interface ChartPoint {
  x: number;
  y: number;
  /** Ends of the error bar; equal where there is no error. */
  low: number;
  high: number;
  /** What it is, in words: on hover. */
  text: string;
  /** Beside the point; empty for none. */
  label?: string;
}

export interface PointSeries {
  name: string;
  mark: PointMark;
  points: readonly ChartPoint[];
}

/** names: whole numbers from 0, each a place of its own. */
export type XScale = 'linear' | 'log' | 'names';
/** near: around the points; zero: from nothing on. */
export type YScale = 'zero' | 'near' | 'log';

export interface PointPlot {
  series: readonly PointSeries[];
  x: XScale;
  y: YScale;
  /** Values of x with a label; else round numbers. */
  ticks?: readonly number[];
  /** Points that are joined by a line, besides those of each series. */
  front?: readonly ChartPoint[];
}

export interface PlacedPoint {
  x: number;
  y: number;
  low: number;
  high: number;
  series: number;
  point: ChartPoint;
}

export interface PointLayout {
  x: ChartScale;
  y: ChartScale;
  points: PlacedPoint[];
  /** One path a series, in their order; empty for bars and where there is one point. */
  lines: string[];
  front: string;
  barWidth: number;
}

const widestBar = 72;
/** A logarithmic scale goes down to this, where anything is above it: a loss below nobody sees, and stands on the axis. */
const leastLog = 1e-4;

/** `size`: of the plot inside its axes. */
export function layoutPoints(plot: PointPlot, size: { width: number; height: number }): PointLayout {
  const all = plot.series.flatMap(({ points }) => points);
  const x = xScale(plot, all, size.width);
  const y = yScale(plot.y, all, size.height);
  const placed = plot.series.map(({ points }, series) =>
    points.map((point): PlacedPoint => ({
      ...{ series, point, x: x.place(point.x), y: y.place(point.y) },
      ...{ low: y.place(point.low), high: y.place(point.high) },
    })),
  );
  const pathOf = line<{ x: number; y: number }>(
    (point) => point.x,
    (point) => point.y,
  );
  const isJoined = plot.front === undefined;
  return {
    ...{ x, y, points: placed.flat() },
    lines: placed.map((points, index) =>
      isJoined && plot.series[index]!.mark !== 'bar' && points.length > 1
        ? (pathOf(points.toSorted((a, b) => a.x - b.x)) ?? '')
        : '',
    ),
    front:
      (plot.front?.length ?? 0) > 1
        ? (pathOf(plot.front!.map((point) => ({ x: x.place(point.x), y: y.place(point.y) }))) ?? '')
        : '',
    barWidth: Math.min(widestBar, (size.width / Math.max(1, all.length)) * 0.6),
  };
}

function xScale({ x, ticks }: PointPlot, points: readonly ChartPoint[], width: number): ChartScale {
  const places = points.map((point) => point.x);
  const [least, most] = [Math.min(...places), Math.max(...places)];
  const range = [0, width] as const;
  const labels = Math.max(2, Math.floor(width / 90));
  if (x === 'names') return withTicks(plainScale([-0.5, most + 0.5], range, labels), ticks);
  if (x === 'log') return withTicks(fineLogScale([least / 1.5, most * 1.5], range), ticks);
  const room = (most - least) * 0.08 || Math.abs(most) * 0.1 || 1;
  return withTicks(plainScale([Math.max(0, least - room), most + room], range, labels), ticks);
}

const withTicks = (scale: ChartScale, ticks: readonly number[] | undefined): ChartScale =>
  ticks === undefined ? scale : { ...scale, ticks };

function yScale(kind: YScale, points: readonly ChartPoint[], height: number): ChartScale {
  const range = [height, 0] as const;
  const [least, most] = [Math.min(...points.map(({ low }) => low)), Math.max(...points.map(({ high }) => high))];
  if (kind === 'zero') return zeroScale(most, range, 4);
  if (kind === 'near') {
    const room = (most - least) * 0.15 || Math.abs(most) * 0.05 || 1;
    return plainScale([least - room, most + room], range, 4);
  }
  const floor = Math.max(
    Math.min(leastLog, most > 0 ? most / 10 : 1),
    Math.min(...points.map(({ low, y }) => (low > 0 ? low : y / 3))),
  );
  const { place, ticks } = fineLogScale([floor / 1.4, Math.max(most, floor * 2) * 1.4], range);
  return { ticks, place: (value) => Math.min(height, place(Math.max(value, floor / 1.4))) };
}
