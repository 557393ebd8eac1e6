// How long a run still takes: what its stage says, and what the stages to come were estimated at; and how that is said.
import type { JobState } from '../../../src-main/contract/job.ts';
import type { Preflight } from '../../../src-main/contract/preflight.ts';
import { formatDuration } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

/** Seconds; null while it cannot be told. `expected`: names of the stages to come. */
export function secondsLeftOf(
  job: Extract<JobState, { state: 'running' }>,
  expected: readonly string[],
  estimated: Preflight['stages'],
): number | null {
  const { progress, stages, series } = job;
  if (progress === null) return null;
  const likely = estimated[progress.stage]?.likely;
  const spent = series?.seconds[progress.stage] ?? 0;
  const inStage = progress.secondsLeft ?? (likely === undefined ? null : Math.max(0, likely - spent));
  const toCome = expected.filter((name) => !stages.includes(name)).map((name) => estimated[name]?.likely);
  if (inStage === null || toCome.includes(undefined)) return null;
  return toCome.reduce<number>((sum, seconds) => sum + (seconds ?? 0), inStage);
}

/** Near the end no number: "0 s" is not true while anything is left. */
const isMoment = (seconds: number): boolean => seconds < 1;
const timeOrMoment = (seconds: number): string => (isMoment(seconds) ? words.runs.moment : formatDuration(seconds));

/** `6 min left`, `a moment left`. */
export const timeLeft = (seconds: number): string => words.runs.timeLeft(timeOrMoment(seconds));

/** The same of the stage alone. */
export const timeLeftInStep = (seconds: number): string => words.runs.timeLeftInStep(timeOrMoment(seconds));

/** The same of an estimate: `about 6 min left`. */
export const aboutTimeLeft = (seconds: number): string =>
  isMoment(seconds) ? timeLeft(seconds) : words.runs.aboutLeft(formatDuration(seconds));
