// How long a run still takes: what its stage says, and what the stages to come were estimated at.
import type { JobState } from '../../../src-main/contract/job.ts';
import type { Preflight } from '../../../src-main/contract/preflight.ts';

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
