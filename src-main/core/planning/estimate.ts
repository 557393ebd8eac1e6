// From what stages do, and how fast this machine is, to seconds, memory and disk. What earlier jobs took in truth
// corrects what is expected of later ones.
import type { MachineRates, SecondsRange } from '../../contract/preflight.ts';
import type { StageWork } from './stage-work.ts';

/** Sums over earlier jobs, of which an older one counts less: what a kind of stage was expected to take, and took. */
export interface Learned {
  expected: number;
  actual: number;
}

export interface Machine {
  rates: MachineRates;
  /** By the kind of stage. */
  learned: Readonly<Record<string, Learned>>;
  /** That a process takes to start. */
  startSeconds: number;
}

/** Two cores of a server of 2024: what is counted with where nothing was measured. */
const ratesPerThread = { operations: 60e9, legacy: 60e6, k: 20e6, iq: 4e6 } as const;
const usualStartSeconds = 0.4;

export function unmeasuredMachine(threads: number): Machine {
  const { operations, legacy, k, iq } = ratesPerThread;
  const rates = {
    threads,
    operationsPerSecond: operations * threads,
    weightsPerSecond: { legacy: legacy * threads, k: k * threads, iq: iq * threads },
    writeBytesPerSecond: 500e6,
    readBytesPerSecond: 1e9,
  };
  return { rates, learned: {}, startSeconds: usualStartSeconds };
}

/** SHA-256 of a file, about a second per gigabyte (docs/calibration.md). */
const hashBytesPerSecond = 1e9;

/** A stage may take this many times as long or as short as is expected: before any was seen, and with enough of them. */
const widestSpread = 3;
const usualSpread = 1.6;
/** A stage that was seen says as much as the model itself about one this many times as long: what starts a stage hides the rest. */
const reach = 10;
const largestCorrection = 50;
/** What an earlier job counts when another one has come. */
const fading = 0.7;

/** Seconds by the rates alone; `threads` of those that were measured. */
export function plainSeconds(work: StageWork, { rates, startSeconds }: Machine, threads: number): number {
  const share = Math.min(1, threads / rates.threads);
  const { operations = 0, weights = {}, readBytes = 0, writeBytes = 0, hashBytes = 0, processes = 0 } = work;
  const { legacy, k, iq } = rates.weightsPerSecond;
  const quantizing = (weights.legacy ?? 0) / legacy + (weights.k ?? 0) / k + (weights.iq ?? 0) / iq;
  return (
    (operations / rates.operationsPerSecond + quantizing) / share +
    readBytes / rates.readBytesPerSecond +
    writeBytes / rates.writeBytesPerSecond +
    hashBytes / hashBytesPerSecond +
    processes * startSeconds
  );
}

export const kindOf = ({ stage, kind = stage }: Pick<StageWork, 'stage' | 'kind'>): string => kind;

/** What jobs before this one say of a stage of so many seconds. */
function corrected(seconds: number, learned: Learned | undefined): SecondsRange {
  const trust = learned ? learned.expected / (learned.expected + seconds / reach) : 0;
  const ratio = learned
    ? Math.min(largestCorrection, Math.max(1 / largestCorrection, learned.actual / learned.expected))
    : 1;
  const likely = seconds * ratio ** trust;
  const spread = widestSpread ** (1 - trust) * usualSpread ** trust;
  return { low: likely / spread, likely, high: likely * spread };
}

const sum = (ranges: readonly SecondsRange[]): SecondsRange => ({
  low: ranges.reduce((total, { low }) => total + low, 0),
  likely: ranges.reduce((total, { likely }) => total + likely, 0),
  high: ranges.reduce((total, { high }) => total + high, 0),
});

export interface Estimate {
  seconds: SecondsRange;
  stages: Record<string, SecondsRange>;
  /** By the kind of stage, uncorrected: what the job's true seconds are held against. */
  plain: Record<string, { stage: string; seconds: number }>;
  peakMemoryBytes: number;
  /** Most bytes at a time on the user data's disk. */
  scratchBytes: number;
}

/** Stages of one name are done one after the other, as all stages are. */
export function estimate(works: readonly StageWork[], machine: Machine, threads: number): Estimate {
  const plain: Estimate['plain'] = {};
  for (const work of works) {
    const kind = kindOf(work);
    const seconds = (plain[kind]?.seconds ?? 0) + plainSeconds(work, machine, threads);
    plain[kind] = { stage: work.stage, seconds };
  }
  const stages: Record<string, SecondsRange> = {};
  for (const [kind, { stage, seconds }] of Object.entries(plain)) {
    const range = corrected(seconds, machine.learned[kind]);
    stages[stage] = stages[stage] ? sum([stages[stage], range]) : range;
  }
  let kept = 0;
  let scratchBytes = 0;
  for (const work of works) {
    kept += work.keptBytes ?? 0;
    scratchBytes = Math.max(scratchBytes, kept + (work.scratchBytes ?? 0));
  }
  return {
    seconds: sum(Object.values(stages)),
    stages,
    plain,
    peakMemoryBytes: Math.round(Math.max(0, ...works.map(({ memoryBytes }) => memoryBytes))),
    scratchBytes: Math.round(scratchBytes),
  };
}

/** What is known of the kinds of stages once a job has taken `seconds`, by stage. */
export function learn(
  learned: Readonly<Record<string, Learned>>,
  { plain }: Pick<Estimate, 'plain'>,
  seconds: Readonly<Record<string, number>>,
): Record<string, Learned> {
  const after: Record<string, Learned> = { ...learned };
  for (const [kind, { stage, seconds: expected }] of Object.entries(plain)) {
    const actual = seconds[stage];
    if (actual === undefined || !(actual > 0) || !(expected > 0)) continue;
    const before = learned[kind] ?? { expected: 0, actual: 0 };
    after[kind] = { expected: fading * before.expected + expected, actual: fading * before.actual + actual };
  }
  return after;
}
