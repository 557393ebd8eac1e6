// What the run takes that the button would start, in words: as its plan was estimated, or with the settings below the plans
// where they are others.
import type { z } from 'zod';
import type { Plan } from '../../../src-main/contract/plan.ts';
import type { fitRecipe } from '../../../src-main/contract/recipe.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import type { Answer } from '../preflight/ask-preflight.ts';
import { usesSource } from './plan-view.ts';

const words = useWords();

export interface WantedRun {
  /** null where a setting is wrong. */
  wish: {
    plan: Plan;
    recipe: Pick<z.input<typeof fitRecipe>, 'plan' | 'candidates' | 'evaluate' | 'importance'>;
  } | null;
  /** With the settings as they are; null where they are those of the plan's own estimate. */
  foretold: Answer | null;
}

/** Empty where nothing is made; what keeps it from being made where a setting is wrong. */
export function runInWords({ wish, foretold }: WantedRun): string {
  if (wish === null) return words.plans.settingWrong;
  if (usesSource(wish.plan)) return '';
  const cost = foretold === null ? plannedCost(wish.plan) : changedCost(wish, foretold);
  return wish.recipe.importance === 'off' ? `${cost} ${words.plans.lossWithImportance}` : cost;
}

function plannedCost({ cost: { seconds, peakMemoryBytes, diskBytes } }: Plan): string {
  if (peakMemoryBytes === 0) return words.plans.costLater; // the header does not say enough
  return words.plans.cost(formatDuration(seconds), formatFileSize(diskBytes), formatMemory(peakMemoryBytes));
}

function changedCost({ plan, recipe }: NonNullable<WantedRun['wish']>, answer: Answer): string {
  if (answer.state === 'asking') return words.plans.costAsked;
  if (answer.state === 'failed') return words.plans.costLater;
  const { seconds, peakMemoryBytes, disks } = answer.preflight;
  if (seconds === null || peakMemoryBytes === null) return words.plans.costLater;
  const [time, memory] = [formatDuration(seconds.likely), formatMemory(peakMemoryBytes)];
  if (recipe.plan) return words.plans.costChanged(time, formatFileSize(plan.cost.diskBytes), memory);
  const disk = disks.reduce((sum, { neededBytes }) => sum + neededBytes, 0);
  if (disk === 0) return words.plans.costLater; // by the header alone the source seemed to fit, and the plans say otherwise
  const count = recipe.evaluate === false ? 1 : (recipe.candidates ?? 1);
  return words.plans.costOfBest(count, time, formatFileSize(disk), memory);
}
