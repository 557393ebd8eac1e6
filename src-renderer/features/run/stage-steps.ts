// The stages of a fit as a row of steps: what is done, what is going on, what is still expected.

export interface StageStep {
  name: string;
  label: string;
  state: 'done' | 'active' | 'waiting';
}

/** What each stage does, in words for people; the order in which a fit usually goes through them. */
const stageWords: Record<string, string> = {
  open: 'Open',
  plan: 'Plan',
  calibrate: 'Calibrate',
  tokenize: 'Read texts',
  quantize: 'Quantise',
  slice: 'Slice',
  evaluate: 'Measure',
  prove: 'Prove',
};

/** `makes`: the stage that writes the file. */
export function stageSteps(
  seen: readonly string[],
  current: string | null,
  makes: 'quantize' | 'slice' = 'quantize',
): StageStep[] {
  const other = makes === 'slice' ? 'quantize' : 'slice';
  const expected = Object.keys(stageWords).filter((name) => !seen.includes(name) && name !== other);
  return [...seen, ...expected].map((name) => ({
    name,
    label: stageLabel(name),
    state: name === current ? 'active' : seen.includes(name) ? 'done' : 'waiting',
  }));
}

/** Stages that only some runs have: they are shown when they come. */
const rareStageWords: Record<string, string> = { fingerprint: 'Look for saved statistics' };

export function stageLabel(name: string): string {
  return stageWords[name] ?? rareStageWords[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}
