// A kept fit as the Fit area's forms have it: target and settings as a person would type them.
import type { FitRecipe } from '../../../src-main/contract/recipe.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { useFitStore } from '../../stores/fit-store.ts';
import { useMakeStore } from '../../stores/make-store.ts';
import type { RecipeDraft } from '../advanced/recipe-draft.ts';
import { modelOfFile } from '../model/model-path.ts';
import { memoryText, offeredKvTypes, type TargetDraft } from '../target/target-draft.ts';

/** Opens the model of a recipe in the Fit area, with its target, its plan and all its settings; `run` is the one it is of. */
export async function openInFit(run: string | null, recipe: FitRecipe): Promise<void> {
  const { model, target, plan } = recipe;
  const fit = useFitStore();
  const make = useMakeStore();
  if (!(await fit.open(model, draftOf(target)))) return;
  Object.assign(make.draft, settingsOfFit(recipe));
  make.source = run === null ? null : { run, model: modelOfFile(model) };
  fit.chosenId = plan;
}

/** What of the form a target says; a type of KV cache that the form does not offer stays as the form has it. */
export function draftOf(target: Target): Partial<TargetDraft> {
  if (target.kind === 'file') return { kind: 'file', file: `${target.bytes / 1e9} GB` };
  const { bytes, reserveBytes, context } = target;
  const kvType = offeredKvTypes.find((type) => type === target.kvType);
  return {
    ...{ kind: 'memory', card: memoryText(bytes), reserve: memoryText(reserveBytes), context },
    ...(kvType && { kvType }),
  };
}

/** The drawer's fields. */
export function settingsOfFit(recipe: FitRecipe): RecipeDraft {
  const { plan, candidates, importance, calibration, evaluate, prove, evaluation, device, offline } = recipe;
  const { engine, weightsOnly, allowSameText } = evaluation;
  const { methods, orientation, precision } = recipe;
  return {
    ...{ methods, orientation: orientation ?? 'usual', precision },
    ...{ choice: plan === null ? 'best' : 'plan', candidates: String(candidates), importance },
    ...{ texts: calibration.texts, samples: String(calibration.samples), length: String(calibration.length) },
    ...{ sampling: calibration.sampling, seed: String(calibration.seed), evaluate, prove },
    ...{ evaluationText: evaluation.text, window: String(evaluation.window), windows: textOf(evaluation.windows) },
    ...{ engine, weightsOnly, allowSameText },
    ...{ gateKld: textOf(evaluation.gateKld), gateRatio: textOf(evaluation.gateRatio) },
    ...{ device, threads: textOf(recipe.threads), offline },
    maxMemory: recipe.maxMemoryBytes === null ? '' : memoryText(recipe.maxMemoryBytes),
  };
}

const textOf = (limit: number | null): string => (limit === null ? '' : String(limit));
