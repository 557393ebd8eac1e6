// Where points stand in the chart: bytes along, the loss up on a logarithmic scale, what loses nothing on a line of its own below it.
import { scaleLinear, scaleLog } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';
import type { FrontPoint } from './front-view.ts';

export interface ChartSize {
  width: number;
  height: number;
}

export interface FrontScales {
  x: (bytes: number) => number;
  y: (kld: number) => number;
  lossTicks: number[];
  sizeTicks: number[];
  /** Path of the front; empty where there is none. */
  front: string;
  /** Left, right, top and bottom of the field. */
  field: { left: number; right: number; top: number; bottom: number };
}

const margin = { left: 46, right: 16, top: 22, bottom: 34 };
/** Where a chart is narrower, the names of the loss axis and of the limit stand on a line each. */
const roomForNames = 420;
const nameHeight = 14;
/** Height of the line for what loses nothing. */
const nothingHeight = 22;
/** Bounds of the losses shown: below nobody sees a difference, above nothing is readable. */
const [smallestLoss, largestLoss] = [0.0005, 10];
/** What is larger than this many limits stands at the edge. */
const widest = 1.35;

/** `unit`: bytes of the unit that sizes are written in. */
export function scalesOf(
  points: readonly FrontPoint[],
  { bytes: limitBytes, unit }: { bytes: number; unit: number },
  { width, height }: ChartSize,
): FrontScales {
  const top = margin.top + (width < roomForNames ? nameHeight : 0);
  const field = { left: margin.left, right: width - margin.right, top, bottom: height - margin.bottom };
  const least = Math.min(limitBytes, ...points.map(({ bytes }) => bytes));
  const largest = Math.max(limitBytes * 1.06, ...points.map(({ bytes }) => bytes));
  const most = least < limitBytes ? Math.min(limitBytes * widest, largest) : largest; // where nothing fits all is shown
  const room = (most - least) * 0.06;
  const along = scaleLinear([least - room, most + room], [field.left, field.right]).clamp(true);
  const up = scaleLog(lossDomain(points), [field.bottom - nothingHeight, field.top]).clamp(true);
  const y = (kld: number): number => (kld <= 0 ? field.bottom - 6 : up(kld));
  const path = line<FrontPoint>(
    ({ bytes }) => along(bytes),
    ({ kld }) => y(kld),
  ).curve(curveStepAfter);
  const shown = points.filter(({ isOnFront, bytes }) => isOnFront && bytes <= most);
  return {
    x: along,
    y,
    lossTicks: up.ticks(6).filter(isPowerOfTen),
    sizeTicks: unitTicks([least - room, most + room], unit, Math.max(3, Math.floor(width / 110))),
    front: path(shown) ?? '',
    field,
  };
}

/** 1, 10, 0.1 …; logarithms of them are whole but for rounding. */
const isPowerOfTen = (value: number): boolean => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;

function lossDomain(points: readonly FrontPoint[]): [number, number] {
  const losses = points.filter(({ kld }) => kld > 0);
  if (losses.length === 0) return [0.001, 1];
  const low = Math.max(smallestLoss, Math.min(...losses.map((loss) => Math.max(loss.low, loss.kld / 3))) * 0.8);
  const high = Math.min(largestLoss, Math.max(...losses.map(({ kld }) => kld)) * 1.4);
  return [low, Math.max(high, low * 10)];
}

/** Sizes on the axis in round numbers of the unit that suits the limit. */
function unitTicks(domain: [number, number], unit: number, count: number): number[] {
  return scaleLinear([domain[0] / unit, domain[1] / unit], [0, 1])
    .ticks(count)
    .map((tick) => tick * unit);
}
