// Progress on stderr: a bar on a terminal; lines elsewhere, one per stage and one every few seconds; JSON lines; or nothing.
import type { Progress } from '../contract/progress.ts';
import { formatDuration, formatFileSize } from '../contract/units.ts';
import { count } from './report/numbers.ts';
import { printable, styleFor, type TextStream } from './report/style.ts';

export type ProgressMode = 'none' | 'line' | 'json' | 'bar';

export interface ProgressDisplay {
  show: (progress: Progress) => void;
  /** Ends the line of the bar, before other text. */
  end: () => void;
}

export interface ProgressOptions {
  mode: ProgressMode;
  environment: NodeJS.ProcessEnv;
  /** What a stage is about, told when it first starts (bar and line). */
  stories?: Record<string, string>;
  /** Clock in milliseconds. */
  now?: () => number;
}

const lineEveryMs = 5000;
const barCells = 20;
const clearLine = '\r\x1b[2K';

/** The mode where --progress was not given. */
export function defaultProgressMode(stream: TextStream): ProgressMode {
  return stream.isTTY === true ? 'bar' : 'line';
}

export function progressDisplay(
  stream: TextStream,
  { mode, environment, stories = {}, now = () => performance.now() }: ProgressOptions,
): ProgressDisplay {
  if (mode === 'none') return { show: () => {}, end: () => {} };
  if (mode === 'json') return { show: (progress) => stream.write(`${JSON.stringify({ progress })}\n`), end: () => {} };
  const style = styleFor(stream, environment);
  let stage = '';
  let stageStart = 0;
  let lastLine = -Infinity;
  let barIsOpen = false;
  const told = new Set<string>();

  const finishStage = (): void => {
    if (barIsOpen)
      stream.write(
        `${clearLine}${style.good('✓')} ${stage} ${style.quiet(formatDuration((now() - stageStart) / 1000))}\n`,
      );
    barIsOpen = false;
  };
  const startStage = (name: string): void => {
    finishStage();
    [stage, stageStart, lastLine] = [name, now(), -Infinity];
    const story = stories[name];
    if (story !== undefined && !told.has(name)) stream.write(`${story}\n`);
    told.add(name);
  };
  return {
    show(progress) {
      if (progress.stage !== stage) startStage(progress.stage);
      if (mode === 'bar') {
        stream.write(`${clearLine}${barText(progress, stream.columns || 80)}`);
        barIsOpen = true;
      } else if (now() - lastLine >= lineEveryMs) {
        stream.write(`${lineText(progress)}\n`);
        lastLine = now();
      }
    },
    end: finishStage,
  };
}

function share(progress: Progress): number {
  return progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
}

/** `calibrate` when it starts, `calibrate: 52%, 1,204 tokens/s, 6 min left` later. */
function lineText(progress: Progress): string {
  const percent = progress.done > 0 ? [`${Math.floor(100 * share(progress))}%`] : [];
  const parts = [...percent, ...particulars(progress)];
  return parts.length === 0 ? progress.stage : `${progress.stage}: ${parts.join(', ')}`;
}

function barText(progress: Progress, columns: number): string {
  const filled = Math.round(barCells * share(progress));
  const bar = '▮'.repeat(filled) + '▯'.repeat(barCells - filled);
  const percent = `${Math.floor(100 * share(progress))}%`.padStart(4);
  // One column stays free: a full line would wrap and could not be cleared.
  return [`${progress.stage.padEnd(9)} ${bar} ${percent}`, ...particulars(progress)].join('  ').slice(0, columns - 1);
}

function particulars({ perSecond, secondsLeft, unit, detail }: Progress): string[] {
  const rate = (value: number): string => {
    if (unit === 'bytes') return `${formatFileSize(Math.round(value))}/s`;
    return unit === 'tokens' ? `${count(value)} tokens/s` : `${value.toFixed(1)}/s`;
  };
  return [
    ...(perSecond === undefined ? [] : [rate(perSecond)]),
    ...(secondsLeft === undefined ? [] : [`${secondsLeft < 1 ? 'a moment' : formatDuration(secondsLeft)} left`]),
    ...(detail === undefined ? [] : [printable(detail)]),
  ];
}
