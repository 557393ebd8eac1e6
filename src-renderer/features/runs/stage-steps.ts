// The stages of a run as a row of steps: what is done, what is going on, what is still expected.
import { formatDuration } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

export interface StageStep {
  name: string;
  label: string;
  state: 'done' | 'active' | 'waiting';
}

/** The order in which a fit usually goes through its stages. */
export const fitStages = ['open', 'plan', 'tokenize', 'calibrate', 'quantize', 'slice', 'evaluate', 'prove'];

const words = useWords();

/** `expected`: in their usual order; others are shown when they come. */
export function stageSteps(
  seen: readonly string[],
  current: string | null,
  expected: readonly string[] = [],
): StageStep[] {
  const toCome = expected.filter((name) => !seen.includes(name));
  return [...seen, ...toCome].map((name) => ({
    name,
    label: stageLabel(name),
    state: name === current ? 'active' : seen.includes(name) ? 'done' : 'waiting',
  }));
}

export function stageLabel(name: string): string {
  const labels: Record<string, string> = words.runs.stages;
  return labels[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}

/** What a stage took: no stage took nothing. */
export const stageTime = (seconds: number): string =>
  seconds < 1 ? words.report.underOneSecond : formatDuration(seconds);
