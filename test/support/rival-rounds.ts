// What benches against another program share: each side in a process of its own, medians over rounds, ratios that are
// held against targets.
import { spawnSync } from 'node:child_process';

/** What both sides tell of their work. */
export interface SideResult {
  seconds: number;
  /** Of all threads. */
  cpuSeconds: number;
  peakMemoryBytes: number;
}

/** Runs a program that ends and reads the last line that it prints. @throws with what it said when it fails */
export function inProcess<T extends SideResult>(program: string, args: readonly string[]): T {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}

/** Lets both sides work in every round, each first in every other one. Answers their results by round. */
export async function takeTurns<Ours, Theirs>(
  rounds: number,
  sides: { ours: () => Ours; theirs: () => Theirs },
  afterRound: (ours: Ours, theirs: Theirs) => void | Promise<void>,
): Promise<{ ours: Ours[]; theirs: Theirs[] }> {
  const results: { ours: Ours[]; theirs: Theirs[] } = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round += 1) {
    const turns = [() => results.ours.push(sides.ours()), () => results.theirs.push(sides.theirs())];
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) turn();
    await afterRound(results.ours.at(-1)!, results.theirs.at(-1)!);
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** Median over rounds of first / second. */
export const medianRatio = (
  key: keyof SideResult,
  first: readonly SideResult[],
  second: readonly SideResult[],
): number => median(first.map((one, round) => one[key] / second[round]![key]));

export const told = ({ seconds, cpuSeconds, peakMemoryBytes }: SideResult, tokens: number): string =>
  `${seconds.toFixed(1)} s, ${(tokens / seconds).toFixed(0)} tokens/s, CPU ${cpuSeconds.toFixed(1)} s, ${Math.round(peakMemoryBytes / 1e6)} MB`;

export const cpuSecondsSince = (start: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
};

/** A limit of a value; without one it is only told. */
export interface Target {
  least?: number | undefined;
  most?: number | undefined;
}

/** A value beside its target; the process fails at its end when one was missed. */
export function judged(name: string, value: number, { least, most }: Target = {}): string {
  const isGood = value >= (least ?? -Infinity) && value <= (most ?? Infinity);
  if (!isGood) process.exitCode = 1;
  const limit = least === undefined ? most && `at most ${most}` : `at least ${least}`;
  return `  ${name} ${value.toFixed(2)}${limit === undefined ? '' : `, ${limit}: ${isGood ? 'ok' : 'MISSED'}`}`;
}
