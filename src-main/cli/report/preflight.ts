// What a job is expected to take, in a line before it starts.
import type { Preflight } from '../../contract/preflight.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';

/** Who waits no longer than this needs no warning. */
const worthSayingSeconds = 10;

/** `About 3 min (2 to 6), at most 1.2 GiB of memory, 4.40 MB on the disk.`, and what may go wrong; nothing for a short job. */
export function preflightLines({ seconds, peakMemoryBytes, disks, problems, warnings: others }: Preflight): string[] {
  // What refuses the job is told by its error.
  const warnings = [...problems.filter(({ refuses }) => !refuses).map(({ message }) => message), ...others];
  if (seconds === null || seconds.likely <= worthSayingSeconds) return warnings;
  const needed = disks.map(({ neededBytes }) => neededBytes).filter((size) => size > 0);
  const parts = [
    `About ${formatDuration(seconds.likely)} (${rangeInWords(seconds.low, seconds.high)})`,
    ...(peakMemoryBytes === null ? [] : [`at most ${formatMemory(peakMemoryBytes)} of memory`]),
    ...(needed.length === 0
      ? []
      : [`${needed.map(formatFileSize).join(' and ')} on the ${needed.length === 1 ? 'disk' : 'disks'}`]),
  ];
  return [`${parts.join(', ')}.`, ...warnings];
}

/** The unit once where both have it: `2 to 6`. */
function rangeInWords(low: number, high: number): string {
  const [from, to] = [formatDuration(low), formatDuration(high)];
  const [, number, unit] = /^(\d+) (\w+)$/.exec(from) ?? [];
  return number !== undefined && new RegExp(`^\\d+ ${unit}$`).test(to)
    ? `${number} to ${to.replace(` ${unit}`, '')}`
    : `${from} to ${to}`;
}
