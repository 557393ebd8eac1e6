// The stages of a fit as a row of steps: what is done, what is going on, what is still expected.
import { useWords } from '../../words/words.ts';

export interface StageStep {
  name: string;
  label: string;
  state: 'done' | 'active' | 'waiting';
}

/** The order in which a fit usually goes through its stages. Others are shown when they come. */
const usualStages = ['open', 'plan', 'calibrate', 'tokenize', 'quantize', 'slice', 'evaluate', 'prove'];

const words = useWords();

/** `makes`: the stage that writes the file. */
export function stageSteps(
  seen: readonly string[],
  current: string | null,
  makes: 'quantize' | 'slice' = 'quantize',
): StageStep[] {
  const other = makes === 'slice' ? 'quantize' : 'slice';
  const expected = usualStages.filter((name) => !seen.includes(name) && name !== other);
  return [...seen, ...expected].map((name) => ({
    name,
    label: stageLabel(name),
    state: name === current ? 'active' : seen.includes(name) ? 'done' : 'waiting',
  }));
}

export function stageLabel(name: string): string {
  const labels: Record<string, string> = words.runs.stages;
  return labels[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}
