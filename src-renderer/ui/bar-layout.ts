// Geometry of the memory bar. The limit stands at the same place in every bar, so bars above each other read as one gauge:
// what fits ends before the line, what does not sticks out behind it by as much as it is too big.

export type BarPart = 'weights' | 'kv' | 'buffers' | 'reserve';

export interface BarSegment {
  part: BarPart;
  label: string;
  bytes: number;
}

/** Share of the bar's width at which the limit stands. */
export const limitShare = 0.82;

export interface PlacedSegment extends BarSegment {
  /** Shares of the bar's width. */
  start: number;
  width: number;
}

export interface BarLayout {
  placed: PlacedSegment[];
  /** Width behind the limit line; 0 where everything fits. */
  over: number;
  /** It is longer than the bar can show. */
  isCut: boolean;
}

export function layoutBar(segments: readonly BarSegment[], limitBytes: number): BarLayout {
  const scale = limitShare / Math.max(1, limitBytes);
  const placed: PlacedSegment[] = [];
  let end = 0;
  for (const segment of segments) {
    const start = Math.min(1, end);
    end += segment.bytes * scale;
    placed.push({ ...segment, start, width: Math.min(1, end) - start });
  }
  return { placed, over: Math.max(0, Math.min(1, end) - limitShare), isCut: end > 1 };
}

export function totalBytes(segments: readonly BarSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}
